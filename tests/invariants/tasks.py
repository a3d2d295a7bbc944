"""I14-I18: tasks and their leases."""

from collections import Counter

from tests.invariants.rows import Rows


def i14_at_most_one_workflow_task_is_open(rows: Rows) -> None:
    """One workflow task of a run is ready or leased, and the run names it."""
    found = [task for task in rows.open_tasks if task.kind == "workflow"]
    assert len(found) <= 1, found
    known = rows.open_workflow_task
    assert rows.run.task_id == (known.task_id if known else None), "the run names its open task"
    assert rows.run.task_leased == (known is not None and known.status == "leased")
    counts = Counter(task.activity_execution_id for task in rows.open_tasks if task != known)
    assert all(count == 1 for count in counts.values()), "one open task for an activity"


def i15_a_closed_run_has_no_open_task(rows: Rows) -> None:
    """What ends takes its tasks along."""
    assert not (rows.run.closed and rows.open_tasks), rows.open_tasks


def i16_only_a_leased_task_is_held(rows: Rows) -> None:
    """A leased task has owner and expiry, a ready one has neither."""
    for task in rows.open_tasks:
        held = (task.lease_owner, task.lease_expires_at)
        if task.status == "leased":
            assert None not in held, task
        else:
            assert held == (None, None), task


def i18_attempts_never_decrease(before: Rows, after: Rows) -> None:
    """Each lease counts, and a row that is leased is not leased to another one."""
    known = {task.task_id: task for task in before.tasks}
    for task in after.tasks:
        was = known.get(task.task_id)
        if was is None:
            continue
        assert task.attempt >= was.attempt, task
        if was.status == task.status == "leased" and task.lease_owner != was.lease_owner:
            assert task.attempt > was.attempt, task
        finished = ("completed", "failed", "cancelled")
        assert was.status not in finished or task.status in finished, "a finished task is open"
