"""What happens when time has passed: activity deadlines, run deadlines, leases that ran out."""

from typing import Any

from durable_server.clock import to_micro_text
from durable_server.engine import (
    activity_events,
    activity_task,
    closing,
    steps,
    update_validation,
    workflow_task,
)
from durable_server.engine.decision import Decision, Draft, Moment
from durable_server.engine.retry import attempts_left
from durable_server.engine.run_state import Activity, RunState
from durable_server.engine.update import JUDGED


def time_out_activity(state: RunState, moment: Moment, activity_execution_id: str) -> Decision:
    """Enforce the first deadline of an activity that has passed; none passed changes nothing."""
    activity = state.activities.get(activity_execution_id)
    passed = _passed(activity, moment.now) if activity is not None else None
    if activity is None or passed is None or state.run.closed:
        return _forget(state, moment, activity)
    kind, deadline = passed
    draft = Draft(state, moment)
    _withdraw_task(draft, activity)
    # A wait that no worker ended is an attempt too; otherwise an activity whose queue nobody polls
    # would be tried again for ever, whatever its policy allows.
    spent = activity.attempt + (1 if kind == "schedule_to_start" else 0)
    may_retry = activity.options is not None and attempts_left(activity.max_attempts, spent)
    if kind != "schedule_to_close" and may_retry:
        activity_task.retry(draft, activity._replace(attempt=spent), {"timeout_kind": kind})
        _withdraw_task(draft, activity)
        return draft.done(True)
    closed = activity._replace(status="failed", closed_at=moment.now, due_at=None)
    draft.run.open_activities -= 1
    payload = activity_events.timed_out(
        closed, kind, _message(activity, kind, deadline), draft.new_id()
    )
    steps.close(draft, closed, "ActivityTimedOut", payload)
    return draft.done(True)


def time_out_run(state: RunState, moment: Moment) -> Decision:
    """Close a run whose deadline has passed; every open activity and timer is at hand."""
    draft, run = Draft(state, moment), state.run
    if run.closed or run.deadline_at is None or run.deadline_at > moment.now:
        return draft.done(False)
    execution = run.execution_deadline_at
    by_execution = execution is not None and execution <= moment.now
    deadline = execution if by_execution else run.run_deadline_at
    kind = "execution" if by_execution else "run"
    message = f"Workflow {kind} deadline expired at {to_micro_text(deadline or 0)}."
    steps.record_held(draft)
    closing.cancel_open_work(draft)
    closing.close_run(draft, "failed", "timed_out")
    common = {
        "failure_id": draft.new_id(),
        "failure_category": "timeout",
        "message": message,
        "exception_class": "WorkflowTimeout",
        "exception_type": "WorkflowTimeout",
    }
    # Clients of SDKs before 2.0.2 find only WorkflowFailed; later ones read what comes last.
    exception = {"class": "WorkflowTimeout", "type": "WorkflowTimeout", "message": message}
    draft.append(
        "WorkflowFailed",
        {
            **common,
            "source_kind": "workflow_run",
            "source_id": run.run_id,
            "non_retryable": False,
            "exception": exception,
        },
    )
    end = {**common, "timeout_kind": f"{kind}_timeout", **_deadlines(state)}
    draft.append("WorkflowTimedOut", end)
    closing.conclude(draft, {**common, "exception": exception})
    return draft.done(True)


def expire_lease(state: RunState, moment: Moment, task_id: str) -> Decision:
    """Offer a task again whose lease has run out; a live lease is left alone."""
    task = state.tasks.get(task_id)
    expired = (
        task is not None
        and task.status == "leased"
        and task.lease_expires_at is not None
        and task.lease_expires_at <= moment.now
    )
    if task is None or not expired:
        return Draft(state, moment).done(False)
    if task.kind == "workflow":
        return workflow_task.expire(state, moment, task)
    if task.kind == JUDGED:
        return update_validation.release(state, moment, task)
    return activity_task.release(state, moment, task, received=True)


def return_task(
    state: RunState, moment: Moment, task_id: str, lease_owner: str, attempt: int | None
) -> Decision:
    """Give up a lease: with an attempt, because its worker never received the task."""
    task = state.tasks.get(task_id)
    held = (
        task is not None
        and task.status == "leased"
        and task.lease_owner == lease_owner
        and attempt in (None, task.attempt)
    )
    if task is None or not held:
        return Draft(state, moment).done(False)
    if task.kind == "workflow":
        return workflow_task.release(state, moment, task)
    if task.kind == JUDGED:
        return update_validation.release(state, moment, task)
    return activity_task.release(state, moment, task, received=attempt is None)


def _passed(activity: Activity, now: int) -> tuple[str, int] | None:
    """The deadline in force that counts, in the documented order of precedence."""
    pending, running = activity.status == "pending", activity.status == "running"
    if not pending and not running:
        return None
    candidates = (
        ("schedule_to_close", activity.schedule_to_close_at),
        ("schedule_to_start", activity.schedule_to_start_at if pending else None),
        ("heartbeat", activity.heartbeat_at if running else None),
        ("start_to_close", activity.start_to_close_at if running else None),
    )
    for kind, deadline in candidates:
        if deadline is not None and deadline <= now:
            return kind, deadline
    return None


def _forget(state: RunState, moment: Moment, activity: Activity | None) -> Decision:
    """Nothing to enforce; a closed run's activity is no longer due."""
    draft = Draft(state, moment)
    if activity is not None and state.run.closed and activity.due_at is not None:
        draft.put_activity(activity._replace(due_at=None))
    return draft.done(False)


def _withdraw_task(draft: Draft, activity: Activity) -> None:
    if activity.task_id is None:
        return
    task = draft.task(activity.task_id)
    if task.status != "cancelled":
        draft.put_task(task._replace(status="cancelled"))


def _message(activity: Activity, kind: str, deadline: int) -> str:
    words = kind.replace("_", "-")
    text = (
        f"Activity {activity.activity_type} {words} deadline expired at {to_micro_text(deadline)}"
    )
    if kind != "heartbeat":
        return f"{text}."
    last = activity.last_heartbeat_at
    return f"{text} (last heartbeat: {to_micro_text(last) if last else 'never'})."


def _deadlines(state: RunState) -> dict[str, Any]:
    run = state.run
    deadlines = {
        "execution_deadline_at": run.execution_deadline_at,
        "run_deadline_at": run.run_deadline_at,
    }
    return {name: to_micro_text(at) for name, at in deadlines.items() if at is not None}
