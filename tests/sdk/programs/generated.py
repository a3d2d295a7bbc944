"""A workflow whose steps are its argument: what it does next is read from a generated program."""

import asyncio
from collections.abc import Generator
from typing import Any

from durable_workflow import activity, errors, workflow

Steps = Generator[Any, Any, Any]
Step = dict[str, Any]


@activity.defn(name="answer")
async def answer(value: Any, seconds: float) -> Any:
    await asyncio.sleep(seconds)
    return value


@activity.defn(name="stumble")
async def stumble(value: Any, seconds: float) -> Any:
    await asyncio.sleep(seconds)
    raise ValueError(f"stumbled over {value!r}")


@workflow.defn(name="generated")
class Generated:
    """Carries out a program, and takes letters by signal and by update meanwhile."""

    def __init__(self) -> None:
        self.letters: list[Any] = []
        self.fresh = 0

    @workflow.signal("post")
    def post(self, letter: Any) -> None:
        self.letters.append(letter)
        self.fresh += 1

    @workflow.update("add")
    def add(self, letter: Any) -> int:
        if letter == "refused":
            raise ValueError("not this one")
        self.post(letter)
        return len(self.letters)

    def run(self, ctx: Any, program: list[Step], before: list[Any]) -> Steps:
        results = list(before)
        for index, step in enumerate(program):
            if step["do"] == "again":
                yield ctx.continue_as_new(program[index + 1 :], [*results, "again"])
            results.append((yield from self._step(ctx, step)))
        return results

    def _step(self, ctx: Any, step: Step) -> Steps:
        if step["do"] == "break":
            raise LookupError(f"broken by {step['value']!r}")
        if step.get("fresh"):
            # What came before this is let in here, so that the condition is not true at once.
            yield ctx.side_effect(lambda: "settled")
            self.fresh = 0
        try:
            outcome = yield self._command(ctx, step)
        except errors.ActivityFailed as failure:
            return ["failed", failure.exception_type, str(failure)]
        except errors.ChildWorkflowFailed as failure:
            return ["child failed", str(failure)]
        if step["do"] == "first":
            rest = yield from self._others(outcome)
            # 2.12.0 numbers a fan-out as if no select group stood before it, unless a step does.
            yield ctx.start_timer(0)
            return [outcome.key, outcome.value, rest]
        return [outcome, list(self.letters)] if step["do"] == "wait" else outcome

    def _others(self, outcome: Any) -> Steps:
        """What the members of a select group came to that were not the first."""
        rest = []
        for key, handle in outcome.remaining().items():
            try:
                rest.append([key, (yield handle.await_result())])
            except errors.ActivityFailed as failure:
                rest.append([key, str(failure)])
        return rest

    def _command(self, ctx: Any, step: Step) -> Any:
        do, value = step["do"], step.get("value")
        if do == "all":
            return [self._command(ctx, member) for member in step["of"]]
        if do == "first":
            return ctx.select({str(n): self._command(ctx, m) for n, m in enumerate(step["of"])})
        if do == "wait":
            if step["fresh"]:
                return ctx.wait_condition(lambda: self.fresh >= value, **step["options"])
            return ctx.wait_condition(lambda: len(self.letters) >= value, **step["options"])
        return {
            "answer": lambda: ctx.schedule_activity("answer", [value, step["seconds"]]),
            "stumble": lambda: ctx.schedule_activity("stumble", [value, step["seconds"]]),
            "timer": lambda: ctx.start_timer(value),
            "side_effect": lambda: ctx.side_effect(lambda: value),
            "version": lambda: ctx.get_version(value, 1, 2),
            "patched": lambda: ctx.patched(value),
            "attributes": lambda: ctx.upsert_search_attributes({"stage": value}),
            "memo": lambda: ctx.upsert_memo({"stage": value}),
            "child": lambda: ctx.start_child_workflow("generated", [value, []]),
        }[do]()
