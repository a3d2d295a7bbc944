"""The agenda keeps the earliest moment per pass and what was refused."""

import threading

from durable_server.clock import SECOND, ManualClock
from durable_server.maintenance.agenda import Agenda


def test_the_earliest_moment_is_kept():
    clock = ManualClock()
    agenda = Agenda(clock)
    now = clock.now()
    agenda.note("timers", now + 5 * SECOND)
    agenda.note("timers", now + 2 * SECOND)
    agenda.note("timers", now + 9 * SECOND)
    assert agenda.take_due(now + SECOND) == []
    assert agenda.take_due(now + 2 * SECOND) == ["timers"]
    assert agenda.take_due(now + 60 * SECOND) == []


def test_an_earlier_moment_ends_the_wait():
    clock = ManualClock()
    agenda = Agenda(clock)
    agenda.note("timers", clock.now() + 3600 * SECOND)
    waiter = threading.Thread(target=agenda.wait, args=(3600,))
    waiter.start()
    agenda.nudge()
    waiter.join(10)
    assert not waiter.is_alive()


def test_a_moment_that_has_come_is_not_waited_for():
    clock = ManualClock()
    agenda = Agenda(clock)
    agenda.note("timers", clock.now())
    agenda.wait(3600)
    assert agenda.take_due(clock.now()) == ["timers"]


def test_a_refused_row_is_left_alone_for_longer_each_time():
    clock = ManualClock()
    agenda = Agenda(clock)
    spans = []
    for _ in range(8):
        agenda.postpone("timers", "t1", clock.now())
        span = 0
        while "t1" in agenda.postponed("timers", clock.now()):
            clock.advance(1)
            span += 1
        spans.append(span)
    assert spans == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_settled_row_is_no_longer_postponed():
    clock = ManualClock()
    agenda = Agenda(clock)
    agenda.postpone("timers", "t1", clock.now())
    assert agenda.postponed("task_leases", clock.now()) == set()
    agenda.settle("timers", "t1")
    assert agenda.postponed("timers", clock.now()) == set()
