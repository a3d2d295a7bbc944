"""Each pass does what has become due, once, and leaves the rest alone; on both databases."""

import pytest
from durable_server.maintenance.activity_timeouts import enforce_activity_timeouts
from durable_server.maintenance.messages import deliver_messages
from durable_server.maintenance.passes import PassReport, answer_of
from durable_server.maintenance.run_timeouts import time_out_runs
from durable_server.maintenance.task_leases import expire_task_leases
from durable_server.maintenance.timers import fire_due_timers
from durable_server.maintenance.workers import check_workers
from durable_server.store import timers as stored_timers
from durable_server.store import workers as stored_workers

from tests.maintenance.running import a_worker, complete, event_types, poll, running, start
from tests.support.databases import KINDS

NOTHING = PassReport()


@pytest.fixture(params=KINDS)
def server(request, tmp_path):
    with running(request.param, tmp_path) as server:
        yield server


def start_with(server, *commands) -> str:
    run_id = start(server)
    complete(server, poll(server), *commands)
    return run_id


def test_a_timer_fires_when_its_moment_has_come_and_only_once(server):
    run_id = start_with(server, {"type": "start_timer", "delay_seconds": 5})
    server.clock.advance(4.9)
    assert fire_due_timers(server, server.clock.now(), 10) == NOTHING
    server.clock.advance(0.2)
    assert fire_due_timers(server, server.clock.now(), 10) == PassReport(1, 1, 0, False)
    assert fire_due_timers(server, server.clock.now(), 10) == NOTHING
    assert event_types(server, run_id).count("TimerFired") == 1


def test_more_due_timers_than_the_limit_are_fired_in_several_sweeps(server):
    for _ in range(5):
        start_with(server, {"type": "start_timer", "delay_seconds": 1})
    server.clock.advance(2)
    now = server.clock.now()
    reports = [fire_due_timers(server, now, 2) for _ in range(3)]
    assert [report.carried_out for report in reports] == [2, 2, 1]
    assert [report.more for report in reports] == [True, True, False]


def test_a_refused_row_stands_behind_the_others(server):
    for _ in range(2):
        start_with(server, {"type": "start_timer", "delay_seconds": 1})
        server.clock.advance(0.1)
    server.clock.advance(5)
    now = server.clock.now()
    first, second = answer_of(server.read(stored_timers.due_timers, now, 10))
    server.agenda.postpone("timers", first.id, now)
    assert fire_due_timers(server, now, 1).carried_out == 1
    left = answer_of(server.read(stored_timers.due_timers, now, 10))
    assert [row.id for row in left] == [first.id]
    assert second.id != first.id
    assert fire_due_timers(server, now, 1) == NOTHING
    server.clock.advance(2)
    assert fire_due_timers(server, server.clock.now(), 1).carried_out == 1


def test_a_task_whose_lease_ran_out_is_offered_again(server):
    start(server)
    first = poll(server)
    server.clock.advance(server.settings.workflow_task_timeout - 1)
    assert expire_task_leases(server, server.clock.now(), 10) == NOTHING
    server.clock.advance(2)
    assert expire_task_leases(server, server.clock.now(), 10).carried_out == 1
    server.clock.advance(60)
    again = poll(server)
    assert again.task.task_id == first.task.task_id
    assert again.task.attempt == first.task.attempt + 1


def test_an_activity_past_its_deadline_times_out(server):
    run_id = start_with(
        server,
        {
            "type": "schedule_activity",
            "activity_type": "charge",
            "start_to_close_timeout": 5,
            "retry_policy": {"max_attempts": 1},
        },
    )
    poll(server, "activity")
    server.clock.advance(4)
    assert enforce_activity_timeouts(server, server.clock.now(), 10) == NOTHING
    server.clock.advance(2)
    assert enforce_activity_timeouts(server, server.clock.now(), 10).carried_out == 1
    assert event_types(server, run_id).count("ActivityTimedOut") == 1


def test_a_run_past_its_deadline_is_closed(server):
    run_id = start(server, run_timeout_seconds=3)
    server.clock.advance(2)
    assert time_out_runs(server, server.clock.now(), 10) == NOTHING
    server.clock.advance(2)
    assert time_out_runs(server, server.clock.now(), 10).carried_out == 1
    assert time_out_runs(server, server.clock.now(), 10) == NOTHING
    assert event_types(server, run_id)[-1] == "WorkflowTimedOut"


def test_an_empty_outbox_needs_nothing(server):
    assert deliver_messages(server, server.clock.now(), 10) == NOTHING


def test_workers_that_are_silent_become_stale_and_come_back(server):
    row = a_worker(server.clock.now())
    answer_of(server.lanes.write(lambda tx: stored_workers.upsert_worker(tx, row)))

    def status() -> str:
        return answer_of(server.read(stored_workers.find_worker, "default", "w1")).status

    server.clock.advance(59)
    check_workers(server, server.clock.now(), 10)
    assert status() == "active"
    server.clock.advance(2)
    check_workers(server, server.clock.now(), 10)
    assert status() == "stale"
    server.workers.seen("default", "w1", server.clock.now())
    check_workers(server, server.clock.now(), 10)
    assert status() == "active"
