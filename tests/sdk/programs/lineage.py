"""Workflows that make other runs: children, and runs that continue as new ones."""

from collections.abc import Generator
from typing import Any

from asking import lacks
from durable_workflow import errors, workflow

Steps = Generator[Any, Any, Any]
# Until 0.4.65 a child that others ended is one that failed.
OUTCOMES = tuple(
    getattr(errors, name)
    for name in ("ChildWorkflowFailed", "ChildWorkflowCancelled", "ChildWorkflowTerminated")
    if hasattr(errors, name)
)


@workflow.defn(name="parent")
class Parent:
    def run(self, ctx: Any, number: int) -> Steps:
        grown = yield ctx.start_child_workflow("sequence", [number, 2])
        doubled = yield ctx.schedule_activity("double", [grown])
        return [grown, doubled]


@workflow.defn(name="family")
class Family:
    def run(self, ctx: Any, names: list[str]) -> Steps:
        results = yield [ctx.start_child_workflow("hello", [name]) for name in names]
        return results


@workflow.defn(name="bereaved")
class Bereaved:
    def run(self, ctx: Any, text: str) -> Steps:
        try:
            yield ctx.start_child_workflow("broken", [text])
        except errors.ChildWorkflowFailed as failure:
            return str(failure)
        return None


@workflow.defn(name="sorrow")
class Sorrow:
    """Waits for a child that others end."""

    def run(self, ctx: Any) -> Steps:
        try:
            yield ctx.start_child_workflow("rest", [])
        except OUTCOMES as outcome:
            return type(outcome).__name__
        return None


@workflow.defn(name="guardian")
class Guardian:
    """Waits for a child that never ends by itself, and takes it along when it ends."""

    def run(self, ctx: Any) -> Steps:
        yield ctx.start_child_workflow("rest", [], parent_close_policy="terminate")


@workflow.defn(name="flaky")
class Flaky:
    def run(self, ctx: Any, text: str) -> Steps:
        yield ctx.schedule_activity("greet", [text])
        raise ConnectionError(text)


@workflow.defn(name="persistent")
class Persistent:
    def run(self, ctx: Any, text: str) -> Steps:
        policy = workflow.ChildWorkflowRetryPolicy(max_attempts=3, backoff_seconds=[1])
        try:
            yield ctx.start_child_workflow("flaky", [text], retry_policy=policy)
        except errors.ChildWorkflowFailed as failure:
            return str(failure)
        return None


@workflow.defn(name="countdown")
class Countdown:
    def run(self, ctx: Any, left: int, seen: list[int]) -> Steps:
        doubled = yield ctx.schedule_activity("double", [left])
        if left > 0:
            yield ctx.continue_as_new(left - 1, [*seen, doubled])
        return [*seen, doubled]


WORKFLOWS = [Parent, Family, Bereaved, Sorrow, Guardian, Flaky, Countdown]
if not lacks("workflow.ChildWorkflowRetryPolicy"):
    WORKFLOWS.append(Persistent)
