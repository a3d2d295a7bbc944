"""A worker for `durable-conformance sdk`: `judged.py URL QUEUE`; what of judge.* a release can."""

import asyncio
import random
import sys
from collections.abc import Generator
from typing import Any

from asking import lacks
from durable_workflow import Client, Worker, activity, errors, workflow

Steps = Generator[Any, Any, Any]


@workflow.defn(name="judge.echo")
class Echo:
    def run(self, ctx: Any, value: Any) -> Steps:
        return value
        yield


@workflow.defn(name="judge.fail")
class Fail:
    def run(self, ctx: Any, text: str) -> Steps:
        raise RuntimeError(text)
        yield


@workflow.defn(name="judge.sequence")
class Sequence:
    def run(self, ctx: Any, number: Any) -> Steps:
        first = yield ctx.schedule_activity("judge.double", [number])
        second = yield ctx.schedule_activity("judge.double", [first])
        return second


@workflow.defn(name="judge.fan_out")
class FanOut:
    def run(self, ctx: Any, numbers: list[int]) -> Steps:
        results = yield [ctx.schedule_activity("judge.double", [each]) for each in numbers]
        return results


@workflow.defn(name="judge.catch")
class Catch:
    def run(self, ctx: Any, text: str) -> Steps:
        try:
            yield ctx.schedule_activity("judge.refuse", [text])
        except errors.ActivityFailed as failure:
            return str(failure)
        return None


@workflow.defn(name="judge.timer")
class Timer:
    def run(self, ctx: Any, seconds: int) -> Steps:
        yield ctx.start_timer(seconds)
        return "rested"


@workflow.defn(name="judge.side_effect")
class SideEffect:
    def run(self, ctx: Any) -> Steps:
        value = yield ctx.side_effect(lambda: random.randrange(1_000_000_000))
        doubled = yield ctx.schedule_activity("judge.double", [value])
        return [value, doubled]


@workflow.defn(name="judge.version")
class Version:
    def run(self, ctx: Any) -> Steps:
        version = yield ctx.get_version("judge.change", 1, 2)
        doubled = yield ctx.schedule_activity("judge.double", [version])
        return [version, doubled]


@workflow.defn(name="judge.child")
class Child:
    def run(self, ctx: Any, value: Any) -> Steps:
        result = yield ctx.start_child_workflow("judge.echo", [value])
        return result


@workflow.defn(name="judge.countdown")
class Countdown:
    def run(self, ctx: Any, number: int) -> Steps:
        if number > 0:
            yield ctx.continue_as_new(number - 1)
        return "done"


@workflow.defn(name="judge.attributes")
class Attributes:
    def run(self, ctx: Any, stage: str) -> Steps:
        yield ctx.upsert_search_attributes({"stage": stage})
        doubled = yield ctx.schedule_activity("judge.double", [1])
        return doubled


@activity.defn(name="judge.double")
def double(number: int) -> int:
    return number * 2


@activity.defn(name="judge.refuse")
def refuse(text: str) -> None:
    raise RuntimeError(text)


@activity.defn(name="judge.refuse_for_good")
def refuse_for_good(text: str) -> None:
    raise errors.NonRetryableError(text)


@activity.defn(name="judge.beat")
async def beat() -> str:
    for number in range(50):
        await activity.context().heartbeat({"number": number})
        await asyncio.sleep(0.05)
    return "nobody stopped this"


WORKFLOWS = [
    *(Echo, Fail, Sequence, FanOut, Timer, SideEffect, Version, Child, Countdown, Attributes),
    *([] if lacks("errors.ActivityFailed") else [Catch]),
]
if not lacks("workflow.signal"):

    @workflow.defn(name="judge.collect")
    class Collect:
        def __init__(self) -> None:
            self.found: list[str] = []

        @workflow.signal("add")
        def add(self, text: str) -> None:
            self.found.append(text)

        def run(self, ctx: Any, number: int) -> Steps:
            yield ctx.wait_condition(lambda: len(self.found) >= number)
            return self.found

    WORKFLOWS.append(Collect)
if not lacks("workflow.update"):

    @workflow.defn(name="judge.counter")
    class Counter:
        def __init__(self) -> None:
            self.total = 0

        @workflow.update("add")
        def add(self, number: int) -> int:
            self.total += number
            return self.total

        @workflow.query("total")
        def current(self) -> int:
            return self.total

        def run(self, ctx: Any, number: int) -> Steps:
            self.total += number
            yield ctx.wait_condition(lambda: self.total < 0)
            return self.total

    WORKFLOWS.append(Counter)


async def main(url: str, queue: str) -> None:
    async with Client(url, token="judge") as client:
        activities = [double, refuse, refuse_for_good, beat]
        await Worker(client, task_queue=queue, workflows=WORKFLOWS, activities=activities).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
