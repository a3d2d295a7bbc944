"""What operators are told and have done: what is stuck is found, mended, and counted truly."""

import threading

import pytest
from durable_server.call import Call
from durable_server.clock import SECOND, ManualClock
from durable_server.handlers import system
from durable_server.maintenance.loop import PASSES
from durable_server.maintenance.passes import answer_of
from durable_server.maintenance.retention import remove_expired_runs
from durable_server.pending import run_in_thread
from durable_server.store import retention
from durable_server.store.models import Activity, Run, Task

from tests.maintenance.running import complete, event_types, poll, running, start
from tests.support.databases import KINDS

ACTIVITY = {"type": "schedule_activity", "activity_type": "greet", "arguments": None}
DONE = {"type": "complete_workflow", "result": None}


@pytest.fixture(params=KINDS)
def server(request, tmp_path):
    with running(request.param, tmp_path, clock=ManualClock()) as server:
        yield server


class PrincipalStub:
    """Who asks, where nobody is authenticated."""

    method, role = "none", "admin"


def ask(server, operation, *arguments, **options):
    """A handler's answer: status and body."""
    call = Call(server, operation, "POST", "/", PrincipalStub(), "default", "request-1")
    reply = run_in_thread(getattr(system, operation)(call, *arguments, **options))
    return reply.status, reply.body


def change(server, job):
    return answer_of(server.lanes.write(job))


def lose_task(server, run_id: str) -> None:
    """A row is lost behind the server's back."""
    change(server, lambda tx: Task.delete().where(Task.run_id == run_id).execute(tx.database))


def test_a_run_that_nothing_would_resume_is_found_and_mended(server):
    stuck, sound = start(server), start(server)
    lose_task(server, stuck)

    status, told = ask(server, "repair")
    assert status == 200 and told["remedy"]
    assert told["candidates"]["missing_task_candidates"] == 1
    [scope] = told["candidates"]["scopes"]
    assert (scope["queue"], scope["missing_task_candidates"]) == ("orders", 1)

    _, elsewhere = ask(server, "repair_pass", {"run_ids": [sound]})
    assert elsewhere["selected_missing_task_candidates"] == 0
    _, mended = ask(server, "repair_pass", {})
    assert (mended["repaired_missing_tasks"], mended["dispatched_tasks"]) == (1, 1)
    assert event_types(server, stuck)[-1] == "RepairRequested"
    assert ask(server, "repair")[1]["remedy"] is None
    assert {poll(server).run.run_id, poll(server).run.run_id} == {stuck, sound}


def test_an_activity_without_its_task_is_found_and_mended(server):
    run_id = start(server)
    complete(server, poll(server), {**ACTIVITY, "queue": "acts"})
    lose_task(server, run_id)

    assert ask(server, "repair_pass", {"run_ids": [run_id]})[1]["repaired_missing_tasks"] == 1
    assert poll(server, "activity", "acts").run.run_id == run_id


def test_a_task_whose_lease_ran_out_is_found_and_offered_again(server):
    start(server)
    first = poll(server)
    server.clock.advance(server.settings.workflow_task_timeout + 4)

    assert ask(server, "repair")[1]["candidates"]["existing_task_candidates"] == 1
    assert ask(server, "operator_metrics")[1]["operator_metrics"]["tasks"]["lease_expired"] == 1
    assert ask(server, "repair_pass", {})[1]["repaired_existing_tasks"] == 1
    assert poll(server).task.task_id == first.task.task_id


def test_an_overdue_activity_is_told_of_and_its_deadline_enforced(server):
    run_id = start(server)
    bounded = {**ACTIVITY, "queue": "acts", "start_to_close_timeout": 5}
    complete(server, poll(server), {**bounded, "retry_policy": {"max_attempts": 2}})
    poll(server, "activity", "acts")
    [name] = change(
        server,
        lambda tx: [each.activity_execution_id for each in Activity.select().execute(tx.database)],
    )

    status, early = ask(server, "activity_timeouts_pass", {"execution_ids": [name]})
    assert (status, early["results"][0]["reason"]) == (200, "deadline_not_passed")
    server.clock.advance(6)
    assert ask(server, "activity_timeouts")[1]["expired_execution_ids"] == [name]
    _, told = ask(server, "activity_timeouts_pass", {})
    assert told["results"] == [{"execution_id": name, "outcome": "enforced", "has_retry": True}]
    assert event_types(server, run_id)[-1] == "ActivityRetryScheduled"


def test_the_figures_count_what_is_there(server):
    open_run = start(server)
    closed = start(server)
    for _ in range(2):
        leased = poll(server)
        if leased.run.run_id == closed:
            complete(server, leased, DONE)

    shown = ask(server, "operator_metrics")[1]["operator_metrics"]
    runs, tasks = shown["runs"], shown["tasks"]
    assert (runs["total"], runs["current"], runs["running"], runs["completed"]) == (2, 2, 1, 1)
    assert (tasks["open"], tasks["leased"], tasks["ready"]) == (1, 1, 0)
    assert shown["history"]["max_event_count"] == len(event_types(server, open_run))


def test_a_failing_task_is_counted_by_its_type(server):
    run_id = start(server)
    failing = {"failure_count": 3}
    change(
        server, lambda tx: Task.update(failing).where(Task.run_id == run_id).execute(tx.database)
    )

    told = ask(server, "metrics")[1]
    failures = told["metrics"]["dw_workflow_task_consecutive_failures"]
    assert failures["by_workflow_type"] == [
        {"workflow_type": "order", "max_consecutive_failures": 3, "failed_task_count": 1}
    ]
    assert told["remedy"]


def test_the_pass_removes_what_is_old_enough_and_says_when_the_next_is_due(server):
    run_id = start(server)
    complete(server, poll(server), DONE)
    assert ask(server, "retention_pass", {})[1]["processed"] == 0
    server.clock.advance(30 * 24 * 3600 - 1)
    assert remove_expired_runs(server, server.clock.now(), 256).found == 0
    due = answer_of(server.read(retention.next_due))
    assert due == server.clock.now() + SECOND
    server.clock.advance(1)

    assert ask(server, "retention")[1]["expired_run_ids"] == [run_id]
    assert remove_expired_runs(server, server.clock.now(), 256).carried_out == 1
    assert event_types(server, run_id) == []
    assert answer_of(server.read(retention.next_due)) is None
    assert not PASSES["retention"].hears


def close_many(server, count: int) -> list[str]:
    """Runs that closed long ago, with their rows."""
    ids = [start(server) for _ in range(count)]

    def job(tx):
        closed = {"status": "completed", "closed_at": tx.now - 40 * retention.DAY, "task_id": None}
        Run.update(closed).where(Run.run_id.in_(ids)).execute(tx.database)

    change(server, job)
    return ids


def test_two_that_prune_at_once_remove_each_run_once(server):
    ids = close_many(server, 120)
    removed: list[str] = []

    def prune() -> None:
        connection = server.store.connect()
        while True:
            with connection.transaction() as tx:
                batch = retention.prune_expired(tx, "default", tx.now - retention.DAY, 20)
            if not batch:
                break
            removed.extend(each.run_id for each in batch)
        connection.close()

    threads = [threading.Thread(target=prune) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(removed) == sorted(ids)


def test_a_pass_that_dies_halfway_leaves_nothing_half_removed(server):
    [run_id] = close_many(server, 1)

    class Killed(Exception):
        pass

    connection = server.store.connect()
    with pytest.raises(Killed), connection.transaction() as tx:
        assert retention.prune_expired(tx, "default", tx.now, 10)
        raise Killed
    connection.close()

    assert len(event_types(server, run_id)) == 2
    assert ask(server, "retention_pass", {})[1]["pruned"] == 1
