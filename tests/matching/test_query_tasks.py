"""Askers wait as values: one look for all that changed, and nothing is missed."""

from typing import NamedTuple

import pytest
from durable_server.matching.query_tasks import Askers
from durable_server.matching.timers import Timers
from durable_server.pending import Pending
from durable_server.refusal import Refusal


class Answered(NamedTuple):
    """An answered query task, as far as askers look at it."""

    query_task_id: str


class Ticking(Timers):
    """Alarms that ring when the test moves the time."""

    def __init__(self) -> None:
        self.at = 0.0
        super().__init__(lambda: self.at)

    def attend(self) -> None:
        """Nobody but the test looks at the time."""

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.at += seconds
        self.run_due()


class Looks:
    """The looks that were asked for; the test answers them."""

    def __init__(self) -> None:
        self.names: list[list[tuple[int, str]]] = []
        self.pendings: list[Pending] = []

    def __call__(self, names: list[tuple[int, str]]) -> Pending:
        self.names.append(names)
        self.pendings.append(Pending())
        return self.pendings[-1]

    def answer(self, *ids: str) -> None:
        """The latest look found these answered."""
        self.pendings[-1].answer([Answered(each) for each in ids])


@pytest.fixture
def timers() -> Ticking:
    return Ticking()


@pytest.fixture
def looks() -> Looks:
    return Looks()


@pytest.fixture
def askers(looks: Looks, timers: Ticking) -> Askers:
    return Askers(looks, timers, lambda: 5.0)


def test_an_answer_reaches_the_one_who_asked(askers: Askers, looks: Looks) -> None:
    mine, other = askers.expect((1, "a")), askers.expect((2, "b"))
    askers.changed(["a", "a-run"])
    looks.answer("a")

    assert looks.names == [[(1, "a")]]
    assert mine.result() == Answered("a")
    assert not other.done
    assert len(askers) == 1


def test_what_nobody_waits_for_is_not_looked_at(askers: Askers, looks: Looks) -> None:
    askers.expect((1, "a"))
    askers.forget((1, "a"))
    askers.changed(["a", "b"])

    assert looks.names == []


def test_what_changes_during_a_look_is_looked_at_in_the_next(askers: Askers, looks: Looks) -> None:
    first, second, third = (askers.expect((1, each)) for each in "abc")
    askers.changed(["a"])
    askers.changed(["b"])
    askers.changed(["c"])
    assert looks.names == [[(1, "a")]]

    looks.answer("a")
    assert looks.names == [[(1, "a")], [(1, "b"), (1, "c")]]
    looks.answer("b", "c")

    assert all(each.done for each in (first, second, third))


def test_a_lost_wake_costs_one_interval(askers: Askers, looks: Looks, timers: Ticking) -> None:
    waiting = askers.expect((1, "a"))
    timers.move(4.0)
    assert looks.names == []
    timers.move(1.0)
    looks.answer("a")

    assert waiting.done
    timers.move(5.0)
    assert timers.next_due() is None


def test_a_look_that_failed_is_followed_by_another(
    askers: Askers, looks: Looks, timers: Ticking
) -> None:
    waiting = askers.expect((1, "a"))
    askers.changed(["a"])
    looks.pendings[-1].answer(error=Refusal("store_busy"))
    assert not waiting.done

    timers.move(5.0)
    looks.answer("a")

    assert waiting.done


def test_a_change_of_anything_looks_at_everything(askers: Askers, looks: Looks) -> None:
    askers.expect((2, "b"))
    askers.expect((1, "a"))
    askers.all_changed()

    assert looks.names == [[(1, "a"), (2, "b")]]


def test_a_stopping_server_answers_everybody_with_nothing(askers: Askers, looks: Looks) -> None:
    waiting = askers.expect((1, "a"))
    askers.withdraw_all()

    assert waiting.result() is None
    assert askers.expect((1, "b")).result() is None
    askers.changed(["a", "b"])
    assert looks.names == []
