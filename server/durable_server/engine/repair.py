"""Repair: an open run that nothing would resume gets its missing task again.

The engine never leaves a run like that; a row that was lost or changed behind its back may. What is
in order stays as it is, so a repair too many costs an event and nothing else.
"""

from durable_server.engine import client_request, liveness
from durable_server.engine.activity_task import with_due
from durable_server.engine.client_request import ClientRequest
from durable_server.engine.decision import Decision, Draft, Moment
from durable_server.engine.resume import new_task, resume_run
from durable_server.engine.run_state import Activity, RunState, Task


def repair(state: RunState | None, moment: Moment, request: ClientRequest) -> Decision:
    """Make the tasks that the current run of a workflow lacks; all its open work is at hand."""
    found = client_request.open_run(state, request)
    draft = Draft(found, moment)
    made = _mend_activities(draft) + _mend_workflow_task(draft)
    outcome = "repair_dispatched" if made else "repair_not_needed"
    accepted = client_request.accept(draft, request, outcome)
    task = made[0] if made else _open_workflow_task(draft)
    work = liveness.work_of(draft.activities(), draft.children())
    before = liveness.liveness_of(found.run, work)
    details = {
        **client_request.identity(draft.run, accepted),
        "command_type": request.kind,
        "outcome": outcome,
        "liveness_state": liveness.REPAIR_NEEDED if made else before.state,
        "wait_kind": liveness.wait_of(found.run, work).kind,
        "task_id": None if task is None else task.task_id,
        "task_type": None if task is None else task.kind,
        "command": accepted.command,
    }
    present = {name: value for name, value in details.items() if value is not None}
    draft.append("RepairRequested", present, command_id=accepted.command_id)
    return draft.done(client_request.answer(draft.run, accepted, outcome, None))


def _mend_activities(draft: Draft) -> list[Task]:
    """A new task for every open activity that has lost its own."""
    made = []
    for activity in draft.activities():
        if activity.status in ("pending", "running") and not _has_task(draft, activity):
            made.append(_offer_again(draft, activity))
    return made


def _offer_again(draft: Draft, activity: Activity) -> Task:
    """The attempt that was lost counts, as one whose worker was lost does."""
    task_id = draft.new_id()
    task = new_task(draft, task_id, "activity", activity.activity_type, activity.task_queue)
    task = task._replace(
        activity_execution_id=activity.activity_execution_id, attempt=activity.attempt
    )
    draft.put_task(task, new=True)
    waiting = activity._replace(
        status="pending",
        task_id=task_id,
        start_to_close_at=None,
        heartbeat_at=None,
        lease_owner=None,
    )
    draft.put_activity(with_due(waiting))
    return task


def _mend_workflow_task(draft: Draft) -> list[Task]:
    """A workflow task, where the run counts on one that is gone, or on nothing at all."""
    run, held = draft.run, _open_workflow_task(draft)
    if held is not None:
        run.task_id, run.task_leased = held.task_id, held.status == "leased"
        return []
    if run.task_id is None and _resumed_otherwise(draft):
        return []
    run.task_id, run.task_leased = None, False
    resume_run(draft, {})
    assert run.task_id is not None
    return [draft.task(run.task_id)]


def _resumed_otherwise(draft: Draft) -> bool:
    """Whether something other than a workflow task will resume the run."""
    activities = any(each.status in ("pending", "running") for each in draft.activities())
    timers = any(each.status == "pending" for each in draft.timers())
    children = any(each.status == "started" for each in draft.children())
    waits = any(not each.get("timed_out") for each in draft.run.waits)
    return activities or timers or children or waits


def _open_workflow_task(draft: Draft) -> Task | None:
    return next((each for each in draft.tasks() if each.kind == "workflow" and _open(each)), None)


def _has_task(draft: Draft, activity: Activity) -> bool:
    return any(each.task_id == activity.task_id and _open(each) for each in draft.tasks())


def _open(task: Task) -> bool:
    return task.status in ("ready", "leased")
