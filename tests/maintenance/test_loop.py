"""The loop runs passes when their rows are due, and survives those that fail."""

import threading

import pytest
from durable_server.clock import SECOND, SystemClock
from durable_server.maintenance.loop import Pass, PassLoop
from durable_server.maintenance.passes import PassReport

from tests.maintenance.running import complete, event_types, poll, running, start, until
from tests.support.databases import KINDS


@pytest.fixture(params=KINDS)
def server(request, tmp_path):
    with running(request.param, tmp_path, clock=SystemClock()) as server:
        yield server


@pytest.fixture
def loop(server):
    loop = PassLoop(server)
    loop.start()
    yield loop
    loop.stop()


def carried_out(loop: PassLoop, kind: str) -> int:
    return loop.totals.get(kind, PassReport()).carried_out


def test_a_timer_fires_by_itself_without_being_looked_for_in_between(server, loop):
    run_id = start(server)
    complete(server, poll(server), {"type": "start_timer", "delay_seconds": 1})
    until(lambda: carried_out(loop, "timers") == 1)
    assert event_types(server, run_id).count("TimerFired") == 1
    assert poll(server).run.run_id == run_id


def test_many_timers_due_at_once_all_fire(server):
    runs = [start(server) for _ in range(300)]
    for _ in runs:
        complete(server, poll(server), {"type": "start_timer", "delay_seconds": 1})
    loop = PassLoop(server)
    loop.start()
    until(lambda: carried_out(loop, "timers") == 300)
    loop.stop()
    assert all(event_types(server, run_id).count("TimerFired") == 1 for run_id in runs)


def test_what_became_due_while_no_server_ran_is_done_at_the_start(server):
    run_id = start(server)
    complete(server, poll(server), {"type": "start_timer", "delay_seconds": 1})
    late = PassLoop(server)
    server.agenda.take_due(server.clock.now() + 3600 * SECOND)
    late.start()
    until(lambda: carried_out(late, "timers") == 1)
    late.stop()
    assert event_types(server, run_id).count("TimerFired") == 1


def test_a_failing_pass_does_not_keep_the_others_from_running(server):
    ran = threading.Event()

    def fail(server, now, limit):
        raise OSError("on purpose")

    def work(server, now, limit):
        ran.set()
        return PassReport(found=1, carried_out=1)

    loop = PassLoop(server, {"failing": Pass(fail), "working": Pass(work)})
    reports = loop.run_due()
    assert reports == {}
    loop.start()
    assert ran.wait(20)
    loop.stop()
    assert loop.totals["working"].carried_out == 1
    assert "failing" not in loop.totals


def test_a_pass_with_more_to_do_runs_again_at_once(server):
    left = [600]

    def work(server, now, limit):
        done = min(limit, left[0])
        left[0] -= done
        return PassReport(done, done, 0, done == limit)

    loop = PassLoop(server, {"work": Pass(work)})
    loop.start()
    until(lambda: left[0] == 0)
    loop.stop()
    assert loop.totals["work"].found == 600


def test_a_wake_from_elsewhere_makes_the_loop_look_again(server):
    count = [0]

    def work(server, now, limit):
        count[0] += 1
        return PassReport()

    loop = PassLoop(server, {"work": Pass(work)})
    loop.start()
    until(lambda: count[0] == 1)
    for _ in range(100):
        loop.look_again({"run"})
    until(lambda: count[0] == 2)
    loop.stop()
    assert count[0] == 2


def test_stopping_ends_the_thread(server, loop):
    loop.stop()
    assert not any(thread.name == "passes" for thread in threading.enumerate())
