"""Workflows and activities for the official SDK, in the words that all its releases share.

What a release cannot express is asked of its own signatures (`can`), never guessed.
"""

import asyncio
import inspect
import os
import random
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from durable_workflow import activity, errors, workflow

Steps = Generator[Any, Any, Any]
# Together longer than an activity lives without heartbeats; each far shorter, for slow machines.
BEATS = 32
BEAT_SECONDS = 0.5
SILENCE_SECONDS_MAX = 15


def can(option: str) -> bool:
    """Whether this release lets a workflow say `option` when it schedules an activity."""
    schedule = workflow.WorkflowContext.schedule_activity
    return option in inspect.signature(schedule).parameters


def with_retries(attempts: int) -> dict[str, Any]:
    """A retry policy of one second between attempts, where the release has such a thing."""
    if not can("retry_policy"):
        return {}
    policy = workflow.ActivityRetryPolicy(max_attempts=attempts, backoff_seconds=[1])
    return {"retry_policy": policy}


@activity.defn(name="greet")
async def greet(name: str) -> str:
    return f"hello, {name}"


@activity.defn(name="double")
async def double(number: int) -> int:
    return number * 2


@activity.defn(name="late")
async def late(value: str, seconds: float) -> str:
    await asyncio.sleep(seconds)
    return value


@activity.defn(name="third_time")
async def third_time() -> int:
    attempt = activity.context().info.attempt_number
    if attempt < 3:
        raise ConnectionError(f"attempt {attempt} fails")
    return attempt


@activity.defn(name="refuse")
async def refuse(text: str) -> None:
    raise ValueError(text)


@activity.defn(name="beat")
async def beat() -> int:
    for number in range(BEATS):
        await activity.context().heartbeat({"beat": number, "of": BEATS})
        await asyncio.sleep(BEAT_SECONDS)
    return BEATS


@activity.defn(name="hold")
async def hold(marker: str) -> int:
    """Never return from the first attempt: its worker is killed meanwhile."""
    path = Path(marker)
    if not path.exists():
        path.write_text(str(os.getpid()))
        time.sleep(3600)
    return activity.context().info.attempt_number


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


@workflow.defn(name="parallel")
class Parallel:
    def run(self, ctx: Any, names: list[str]) -> Steps:
        # The first one ends last: the results must still come in the order they were asked for.
        delays = [0.1 * (len(names) - index) for index in range(len(names))]
        pairs = zip(names, delays, strict=True)
        results = yield [ctx.schedule_activity("late", [name, wait]) for name, wait in pairs]
        return results


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


@workflow.defn(name="heartbeat")
class Heartbeat:
    def run(self, ctx: Any) -> Steps:
        limit = {"heartbeat_timeout": SILENCE_SECONDS_MAX} if can("heartbeat_timeout") else {}
        beats = yield ctx.schedule_activity("beat", [], **limit)
        return beats


@workflow.defn(name="side_effect")
class SideEffect:
    def run(self, ctx: Any) -> Steps:
        chosen = yield ctx.side_effect(lambda: random.randrange(1_000_000_000))
        doubled = yield ctx.schedule_activity("double", [chosen])
        again = yield ctx.schedule_activity("double", [chosen])
        return [chosen, doubled, again]


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


ACTIVITIES = [greet, double, late, third_time, refuse, beat, hold]
WORKFLOWS = [
    *(Hello, Sequence, Parallel, Timer, Retry, Failure, Broken, Heartbeat, SideEffect),
    *(Takeover, Abandoned),
    # Until 0.4.28 a workflow never learns that an activity failed: there is no class for it.
    *([Caught] if hasattr(errors, "ActivityFailed") else []),
]
