"""Workflows for the official SDK, in the words that all its releases share.

What a release cannot express is asked of it (`asking.py`), never guessed.
"""

import random
from collections.abc import Generator
from typing import Any

from asking import lacks
from durable_workflow import errors, workflow
from steps import FOREVER_SECONDS

Steps = Generator[Any, Any, Any]
SILENCE_SECONDS_MAX = 15
MANY_ATTEMPTS = 5


def can(option: str) -> bool:
    """Whether this release lets a workflow say `option` when it schedules an activity."""
    return not lacks(f"workflow.WorkflowContext.schedule_activity({option})")


def with_retries(attempts: int, **more: Any) -> dict[str, Any]:
    """A retry policy of one second between attempts, where the release has such a thing."""
    if not can("retry_policy"):
        return {}
    policy = workflow.ActivityRetryPolicy(max_attempts=attempts, backoff_seconds=[1], **more)
    return {"retry_policy": policy}


@workflow.defn(name="hello")
class Hello:
    def run(self, ctx: Any, name: str) -> Steps:
        greeting = yield ctx.schedule_activity("greet", [name])
        return greeting


@workflow.defn(name="sequence")
class Sequence:
    def run(self, ctx: Any, number: int, steps: int) -> Steps:
        for _ in range(steps):
            number = yield ctx.schedule_activity("double", [number])
        return number


@workflow.defn(name="fan_out")
class FanOut:
    def run(self, ctx: Any, names: list[str]) -> Steps:
        # The first one ends last: the results must still come in the order they were asked for.
        delays = [0.1 * (len(names) - index) for index in range(len(names))]
        pairs = zip(names, delays, strict=True)
        results = yield [ctx.schedule_activity("late", [name, wait]) for name, wait in pairs]
        return results


@workflow.defn(name="nested_fan_out")
class NestedFanOut:
    def run(self, ctx: Any) -> Steps:
        def slow(name: str, seconds: float) -> Any:
            return ctx.schedule_activity("late", [name, seconds])

        results = yield [
            slow("a", 0.3),
            [slow("b", 0.2), [slow("c", 0.1), ctx.start_timer(1)]],
            slow("d", 0.0),
        ]
        after = yield ctx.schedule_activity("greet", ["all"])
        return [results, after]


@workflow.defn(name="timer")
class Timer:
    def run(self, ctx: Any, seconds: int) -> Steps:
        yield ctx.start_timer(seconds)
        return "rested"


@workflow.defn(name="retry")
class Retry:
    def run(self, ctx: Any) -> Steps:
        attempt = yield ctx.schedule_activity("third_time", [], **with_retries(3))
        return attempt


@workflow.defn(name="failure")
class Failure:
    def run(self, ctx: Any, text: str) -> Steps:
        yield ctx.schedule_activity("refuse", [text])


@workflow.defn(name="non_retryable")
class NonRetryable:
    def run(self, ctx: Any, text: str) -> Steps:
        yield ctx.schedule_activity("refuse_for_good", [text], **with_retries(MANY_ATTEMPTS))


@workflow.defn(name="unlisted")
class Unlisted:
    def run(self, ctx: Any, text: str) -> Steps:
        never = {"non_retryable_error_types": ["ValueError"]}
        yield ctx.schedule_activity("refuse", [text], **with_retries(MANY_ATTEMPTS, **never))


@workflow.defn(name="caught")
class Caught:
    def run(self, ctx: Any, text: str) -> Steps:
        try:
            yield ctx.schedule_activity("refuse", [text])
        except errors.ActivityFailed as failure:
            return {"type": failure.exception_type, "message": str(failure)}
        return None


@workflow.defn(name="broken")
class Broken:
    def run(self, ctx: Any, text: str) -> Steps:
        yield ctx.schedule_activity("greet", [text])
        raise LookupError(text)


@workflow.defn(name="local")
class Local:
    def run(self, ctx: Any) -> Steps:
        doubled = yield ctx.local_activity("double", [21])
        try:
            yield ctx.local_activity("refuse", ["not here"])
        except errors.ActivityFailed as failure:
            return [doubled, failure.exception_type]
        return None


@workflow.defn(name="first_of")
class FirstOf:
    def run(self, ctx: Any) -> Steps:
        chosen = yield ctx.select(
            {"slow": ctx.schedule_activity("late", ["slow", 3.0]), "fast": ctx.start_timer(1)}
        )
        between = yield ctx.schedule_activity("greet", [chosen.key])
        slow = yield chosen.handles["slow"].await_result()
        return [chosen.key, between, slow]


@workflow.defn(name="heartbeat")
class Heartbeat:
    def run(self, ctx: Any) -> Steps:
        limit = {"heartbeat_timeout": SILENCE_SECONDS_MAX} if can("heartbeat_timeout") else {}
        beats = yield ctx.schedule_activity("beat", [], **limit)
        return beats


@workflow.defn(name="limited")
class Limited:
    """An activity that is silent for a minute, under a limit of two seconds."""

    def run(self, ctx: Any, limit: str) -> Steps:
        yield ctx.schedule_activity("silence", [60.0], **{limit: 2})


@workflow.defn(name="side_effect")
class SideEffect:
    def run(self, ctx: Any) -> Steps:
        chosen = yield ctx.side_effect(lambda: random.randrange(1_000_000_000))
        doubled = yield ctx.schedule_activity("double", [chosen])
        again = yield ctx.schedule_activity("double", [chosen])
        return [chosen, doubled, again]


@workflow.defn(name="version")
class Version:
    def run(self, ctx: Any) -> Steps:
        version = yield ctx.get_version("pricing", 1, 3)
        doubled = yield ctx.schedule_activity("double", [version])
        again = yield ctx.get_version("pricing", 1, 3)
        return [version, doubled, again]


@workflow.defn(name="patched")
class Patched:
    def run(self, ctx: Any) -> Steps:
        new = yield ctx.patched("faster")
        doubled = yield ctx.schedule_activity("double", [21 if new else 0])
        return doubled


@workflow.defn(name="compensation")
class Compensation:
    def run(self, ctx: Any, key: str) -> Steps:
        done = []
        try:
            for step in ("flight", "hotel"):
                yield ctx.schedule_activity("greet", [step])
                done.append(step)
            yield ctx.schedule_activity("refuse", ["no car"])
        except errors.ActivityFailed as failure:
            for step in reversed(done):
                yield ctx.schedule_activity("undo", [key, step])
            return str(failure)
        return None


@workflow.defn(name="saga")
class Saga:
    def run(self, ctx: Any, key: str) -> Steps:
        def forward(saga: Any) -> Steps:
            for step in ("flight", "hotel"):
                yield ctx.schedule_activity("greet", [step])
                saga.add_compensation("undo", [key, step])
            yield ctx.schedule_activity("refuse", ["no car"])

        yield from ctx.saga().run(forward)


@workflow.defn(name="cancelled")
class Cancelled:
    def run(self, ctx: Any, key: str) -> Steps:
        yield ctx.schedule_activity("listen", [key])


@workflow.defn(name="attributed")
class Attributed:
    def run(self, ctx: Any) -> Steps:
        yield ctx.upsert_search_attributes({"stage": "packed", "weight": 12, "fragile": True})
        doubled = yield ctx.schedule_activity("double", [1])
        yield ctx.upsert_search_attributes({"stage": "sent", "fragile": None})
        return doubled


@workflow.defn(name="memoed")
class Memoed:
    def run(self, ctx: Any) -> Steps:
        yield ctx.upsert_memo({"stage": "packed", "box": {"weight": 12}})
        doubled = yield ctx.schedule_activity("double", [1])
        yield ctx.upsert_memo({"stage": "sent"})
        return doubled


@workflow.defn(name="takeover")
class Takeover:
    def run(self, ctx: Any, number: int) -> Steps:
        first = yield ctx.schedule_activity("double", [number])
        yield ctx.start_timer(3)
        second = yield ctx.schedule_activity("double", [first])
        return second


@workflow.defn(name="abandoned")
class Abandoned:
    def run(self, ctx: Any, marker: str) -> Steps:
        attempt = yield ctx.schedule_activity("hold", [marker], **with_retries(3))
        return attempt


@workflow.defn(name="rest")
class Rest:
    """A workflow that ends only from outside."""

    def run(self, ctx: Any) -> Steps:
        yield ctx.start_timer(int(FOREVER_SECONDS))


WORKFLOWS = [
    *(Hello, Sequence, FanOut, NestedFanOut, Timer, Retry, Failure, NonRetryable, Unlisted),
    *(Broken, Heartbeat, Limited, SideEffect, Version, Patched, Cancelled, Attributed, Memoed),
    *(Takeover, Abandoned, Rest, Saga, Local, FirstOf),
    # Until 0.4.28 a workflow never learns that an activity failed: there is no class for it.
    *([Caught, Compensation] if not lacks("errors.ActivityFailed") else []),
]
