"""Alarms ring once, in order, unless cancelled."""

import threading

from durable_server.matching.timers import Timers
from durable_server.matching.timing import wait_at_most
from durable_server.pending import Pending, run_in_thread


def test_alarms_ring_in_the_order_of_their_moments():
    moment, rung = [0.0], []
    timers = Timers(lambda: moment[0])
    timers.call_in(300, lambda: rung.append("third"))
    timers.call_in(200, lambda: rung.append("second"))
    timers.call_in(100, lambda: rung.append("first"))
    moment[0] = 200.0
    assert timers.run_due() == 2
    moment[0] = 300.0
    assert timers.run_due() == 1
    assert rung == ["first", "second", "third"]
    timers.stop()


def test_a_cancelled_alarm_does_not_ring():
    timers, rung, busy, go, done = Timers(), [], *(threading.Event() for _ in range(3))

    def hold_up() -> None:
        busy.set()
        go.wait(10)

    timers.call_in(0, hold_up)
    assert busy.wait(10)
    alarm = timers.call_in(0, lambda: rung.append(1))
    timers.cancel(alarm)
    timers.cancel(alarm)
    timers.call_in(0, lambda: done.set())
    go.set()
    assert done.wait(10)
    assert rung == []
    timers.stop()


def test_cancelled_alarms_are_forgotten():
    timers = Timers()
    alarms = [timers.call_in(3600, lambda: None) for _ in range(5000)]
    for alarm in alarms:
        timers.cancel(alarm)
    assert len(timers) == 0
    timers.stop()


def test_a_failing_callback_does_not_stop_the_others():
    timers, done = Timers(), threading.Event()
    timers.call_in(0, lambda: 1 / 0)
    timers.call_in(0.01, lambda: done.set())
    assert done.wait(10)
    timers.stop()


def test_waiting_ends_with_nothing_when_no_answer_comes():
    timers = Timers()
    assert run_in_thread(wait_at_most(timers, Pending(), 0.01)) is None
    timers.stop()


def test_waiting_ends_with_the_answer_and_leaves_no_alarm():
    timers, pending = Timers(), Pending()
    pending.answer("here")
    assert run_in_thread(wait_at_most(timers, pending, 3600)) == "here"
    assert len(timers) == 0
    timers.stop()
