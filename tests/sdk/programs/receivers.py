"""Workflows that can be spoken to; only for releases that have signals, queries and updates."""

from collections.abc import Generator
from typing import Any

from durable_workflow import workflow

Steps = Generator[Any, Any, Any]


@workflow.defn(name="mailbox")
class Mailbox:
    """Collects what it is sent until it holds so many letters."""

    def __init__(self) -> None:
        self.letters: list[Any] = []

    @workflow.signal("post")
    def post(self, letter: Any) -> None:
        self.letters.append(letter)

    @workflow.query("letters")
    def held(self) -> list[Any]:
        return list(self.letters)

    @workflow.query("count")
    def counted(self, factor: int) -> int:
        return len(self.letters) * factor

    @workflow.update("add")
    def add(self, letter: Any) -> int:
        if letter is None:
            raise ValueError("there is no letter")
        self.letters.append(letter)
        return len(self.letters)

    def run(self, ctx: Any, wanted: int) -> Steps:
        yield ctx.wait_condition(lambda: len(self.letters) >= wanted, key="full")
        stamped = yield ctx.schedule_activity("greet", [str(len(self.letters))])
        return [self.letters, stamped]


@workflow.defn(name="late_reader")
class LateReader:
    """Reads its letters only after an activity has ended."""

    def __init__(self) -> None:
        self.letters: list[Any] = []

    @workflow.signal("post")
    def post(self, letter: Any) -> None:
        self.letters.append(letter)

    def run(self, ctx: Any, wanted: int) -> Steps:
        first = yield ctx.schedule_activity("late", ["first", 2.0])
        yield ctx.wait_condition(lambda: len(self.letters) >= wanted, key="full")
        return [first, self.letters]


@workflow.defn(name="impatient")
class Impatient:
    def run(self, ctx: Any, seconds: int) -> Steps:
        kept = yield ctx.wait_condition(lambda: False, key="never", timeout=seconds)
        doubled = yield ctx.schedule_activity("double", [21])
        return [kept, doubled]


@workflow.defn(name="waits_so_long")
class WaitsSoLong:
    """Waits for so many letters, but not longer than so many seconds."""

    def __init__(self) -> None:
        self.letters: list[Any] = []

    @workflow.signal("post")
    def post(self, letter: Any) -> None:
        self.letters.append(letter)

    def run(self, ctx: Any, wanted: int, seconds: int) -> Steps:
        full = yield ctx.wait_condition(
            lambda: len(self.letters) >= wanted, key="full", timeout=seconds
        )
        return [full, len(self.letters)]


@workflow.defn(name="rounds")
class Rounds:
    """Waits for a bell, again and again, with nothing between one wait and the next."""

    def __init__(self) -> None:
        self.rang = False

    @workflow.signal("bell")
    def ring(self) -> None:
        self.rang = True

    def run(self, ctx: Any, wanted: int) -> Steps:
        heard = 0
        while heard < wanted:
            yield ctx.wait_condition(lambda: self.rang, key="bell")
            self.rang = False
            heard += 1
        return heard


@workflow.defn(name="relay")
class Relay:
    """Continues as new until it has read enough; letters that come meanwhile are not lost."""

    def __init__(self) -> None:
        self.letters: list[Any] = []

    @workflow.signal("post")
    def post(self, letter: Any) -> None:
        self.letters.append(letter)

    def run(self, ctx: Any, wanted: int, read: list[Any]) -> Steps:
        yield ctx.schedule_activity("late", ["rest", 0.5])
        # Handlers of what came after the activity run at the next yield, and no later than the end.
        yield ctx.wait_condition(lambda: True, key="settled")
        seen = [*read, *self.letters]
        if len(seen) < wanted:
            yield ctx.continue_as_new(wanted, seen)
        return seen


@workflow.defn(name="streamed")
class Streamed:
    """Reads at most two messages in a run, and continues as new for the next ones."""

    def run(self, ctx: Any, wanted: int, read: list[Any]) -> Steps:
        batch = yield from ctx.message_stream("inbox").receive(2)
        seen = [*read, *([message.position, message.arguments] for message in batch)]
        yield ctx.schedule_activity("greet", [str(len(seen))])
        if len(seen) < wanted:
            yield ctx.continue_as_new(wanted, seen)
        return seen


@workflow.defn(name="strict")
class Strict:
    """Refuses what is not a number before it looks at it."""

    def __init__(self) -> None:
        self.total = 0

    @workflow.update("add")
    def add(self, number: Any) -> int:
        self.total += number
        return self.total

    @workflow.update_validator("add")
    def only_numbers(self, number: Any) -> None:
        if not isinstance(number, int):
            raise ValueError("only numbers")

    def run(self, ctx: Any, wanted: int) -> Steps:
        yield ctx.wait_condition(lambda: self.total >= wanted, key="enough")
        return self.total


WORKFLOWS = [Mailbox, LateReader, Impatient, WaitsSoLong, Rounds, Relay, Streamed]
# A worker with validators refuses to start where a server cannot ask them; it is one of its own.
VALIDATED = [Strict]
