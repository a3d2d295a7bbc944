"""I46-I50: runs, workflow ids, and what keeps a run going."""

from itertools import pairwise

from durable_server.engine.run_state import Activity, Timer

from tests.invariants.history import CLOSING
from tests.invariants.rows import Everything, Rows

RUNNING = {"pending", "waiting"}


def i46_a_workflow_has_at_most_one_open_run(everything: Everything) -> None:
    """The current run is the one with the highest number, and only it may be open."""
    for workflow in everything.workflows:
        runs = everything.runs_of(workflow)
        assert [rows.run.run_number for rows in runs] == list(range(1, workflow.run_count + 1))
        assert runs[-1].run.run_id == workflow.current_run_id
        assert all(rows.run.closed for rows in runs[:-1]), "an earlier run is open"


def i47_a_second_start_makes_no_second_run(everything: Everything) -> None:
    """A further run continues the one before or tries it again, or was asked for after its end."""
    names = {(each.namespace, each.workflow_id) for each in everything.workflows}
    assert len(names) == len(everything.workflows)
    for workflow in everything.workflows:
        for before, rows in pairwise(everything.runs_of(workflow)):
            if not _follows(rows):
                assert rows.types[0] == "StartAccepted"
                assert (before.run.closed_at or rows.run.started_at + 1) <= rows.run.started_at


def i48_a_chain_keeps_its_execution_deadline(everything: Everything) -> None:
    """Continuing as new neither extends nor shortens it."""
    for workflow in everything.workflows:
        for before, rows in pairwise(everything.runs_of(workflow)):
            if _follows(rows):
                assert rows.run.execution_deadline_at == before.run.execution_deadline_at


def _follows(rows: Rows) -> bool:
    """Whether a run continues the one before it, or tries it again."""
    started = rows.of("WorkflowStarted")[0].payload
    return bool({"continued_from_run_id", "retry_of_child_workflow_run_id"} & set(started))


def i49_status_and_reason_go_together(rows: Rows) -> None:
    """A run is open without a reason, or closed with one that its status allows."""
    run = rows.run
    if run.closed:
        assert (run.status, run.closed_reason or "") in CLOSING
        assert run.closed_at is not None
    else:
        assert run.status in RUNNING and run.closed_reason is None and run.closed_at is None


def i50_every_open_run_will_be_resumed(rows: Rows) -> None:
    """A task, an activity with its task, a timer, a child, a wait or an update is open."""
    run = rows.run
    if run.closed:
        return
    sources = (run.task_id, run.open_activities, run.open_timers, run.open_children, run.waits)
    assert any(sources), "nothing will resume the run"
    if not any(sources[:4]):
        assert not run.open_updates, "an accepted update without a task"
    for activity in rows.activities:
        if activity.status in ("pending", "running"):
            task = next(each for each in rows.tasks if each.task_id == activity.task_id)
            wanted = "ready" if activity.status == "pending" else "leased"
            assert task.status == wanted, f"task of an activity {activity.status}"


def i50_the_run_counts_what_is_open(rows: Rows) -> None:
    """The counters by which decisions are taken are those of the rows."""
    run = rows.run
    if run.closed:
        assert (run.open_activities, run.open_timers, run.open_children) == (0, 0, 0)
        assert not run.barriers and not run.ready_barriers and not run.waits
        left = {each.status for each in [*rows.activities, *rows.timers]}
        assert "pending" not in left, "something waits for a run that is closed"
        return
    active = [each for each in rows.activities if each.status in ("pending", "running")]
    pending = [each for each in rows.timers if each.status == "pending"]
    started = [each for each in rows.children if each.status == "started"]
    assert run.open_activities == len(active)
    assert run.open_timers == len(pending)
    assert run.open_children == len(started)
    assert run.open_updates == sum(each.status == "accepted" for each in rows.updates)
    assert run.open_signals == sum(each.status == "received" for each in rows.signals)
    messages = [*rows.signals, *rows.updates]
    assert run.held_messages == sum(not each.recorded for each in messages)
    assert run.task_leased or not run.held_messages, "messages wait for a leased task only"


def i50_no_held_result_is_forgotten(rows: Rows) -> None:
    """A barrier counts its members, and every held outcome belongs to one that is open."""
    run = rows.run
    if run.closed:
        return
    assert run.task_leased or not run.ready_barriers, "results wait for a leased task only"
    steps: list[Activity | Timer] = [*rows.activities, *rows.timers]
    every = [*steps, *rows.children]
    for name, (size, closed) in run.barriers.items():
        members = [each for each in every if each.barrier == int(name)]
        held = [each for each in members if each.closing is not None]
        assert (len(members), len(held)) == (size, closed), f"barrier {name}"
    waiting = {*map(int, run.barriers), *run.ready_barriers}
    assert all(each.barrier in waiting for each in every if each.closing), "a forgotten result"
