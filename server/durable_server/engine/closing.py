"""How a run reaches its final status, and what becomes of the work it leaves behind."""

from typing import Any

from durable_server import payloads
from durable_server.engine import activity_events, inbox, parent, timer_events, update_events
from durable_server.engine.decision import Draft
from durable_server.engine.run_state import Child, Payload


def close_run(draft: Draft, status: str, closed_reason: str) -> None:
    """Set the final status; the caller records the closing event, and then calls `conclude`.

    Open tasks are withdrawn. A worker that holds an activity may still report: the outcome is
    settled on its row and changes nothing else.
    """
    # What was accepted before the end belongs to the history before its last event.
    inbox.let_in(draft)
    update_events.end_judgements(draft)
    run = draft.run
    run.status, run.closed_reason = status, closed_reason
    run.closed_at = run.last_progress_at = draft.now
    run.deadline_at = None
    run.task_id, run.task_leased, run.wake_requested = None, False, False
    run.barriers, run.ready_barriers, run.digests, run.selections = {}, [], {}, {}
    run.open_activities = run.open_timers = run.open_children = 0
    run.open_signals = run.open_updates = run.held_messages = 0
    run.waits = []
    for task in draft.tasks():
        if task.status in ("ready", "leased"):
            draft.put_task(task._replace(status="cancelled"))
    for activity in draft.activities():
        if activity.status == "pending":
            draft.put_activity(
                activity._replace(status="cancelled", closed_at=draft.now, due_at=None)
            )
        elif activity.status == "running":
            draft.put_activity(activity._replace(due_at=None))
    for timer in draft.timers():
        if timer.status == "pending":
            draft.put_timer(timer._replace(status="cancelled"))


def cancel_open_work(draft: Draft) -> None:
    """Cancel every open activity and timer with an event each, as a run that is stopped does."""
    for activity in draft.activities():
        if activity.status in ("pending", "running"):
            draft.append("ActivityCancelled", activity_events.cancelled(activity, draft.now))
            draft.put_activity(
                activity._replace(status="cancelled", closed_at=draft.now, due_at=None)
            )
    for timer in draft.timers():
        if timer.status == "pending":
            draft.append("TimerCancelled", timer_events.cancelled(timer, draft.now))
            draft.put_timer(timer._replace(status="cancelled"))


def complete_run(draft: Draft, output: Payload | None) -> None:
    """Close the run as completed with what it returned."""
    payload: dict[str, Any] = {}
    if output is not None:
        payload = {"output": payloads.in_event(output), "payload_codec": output.codec}
    close_run(draft, "completed", "completed")
    draft.set_output(output)
    draft.append("WorkflowCompleted", payload)
    conclude(draft, payload)


def conclude(draft: Draft, end: dict[str, Any]) -> None:
    """What follows the closing event, whose payload `end` is, except where the workflow goes on.

    Updates that are still open fail. Open children are stopped as was said when they were started;
    all of them are at hand. The run's own parent is told how its child has ended, or the child is
    tried again.
    """
    update_events.close_open(draft)
    for child in draft.children():
        if child.status == "started" and child.parent_close_policy != "abandon":
            _stop_child(draft, child)
    parent.report_end(draft, end)


def _stop_child(draft: Draft, child: Child) -> None:
    run, policy = draft.run, child.parent_close_policy
    reason = f"Parent workflow closed ({run.closed_reason}); parent-close policy: {policy}."
    applied = {
        "child_instance_id": child.child_workflow_id,
        "child_run_id": child.child_run_id,
        "policy": policy,
        "reason": reason,
    }
    draft.append("ParentClosePolicyApplied", applied)
    body = {
        "namespace": run.namespace,
        "workflow_id": child.child_workflow_id,
        "policy": policy,
        "reason": reason,
    }
    draft.send("close_child", child.child_shard, child.child_run_id, body)


def fail_run(draft: Draft, failure: dict[str, Any]) -> None:
    """Close the run as failed with the failure of an activity that its worker cannot see."""
    run = draft.run
    payload = {
        "failure_id": draft.new_id(),
        "source_kind": "workflow_run",
        "source_id": run.run_id,
        "failure_category": failure.get("failure_category", "activity"),
        "non_retryable": False,
        "exception_type": failure.get("exception_type"),
        "exception_class": failure.get("exception_class") or "RuntimeException",
        "message": failure.get("message", ""),
        "exception": failure.get("exception"),
    }
    close_run(draft, "failed", "failed")
    end = {key: value for key, value in payload.items() if value is not None}
    draft.append("WorkflowFailed", end)
    conclude(draft, end)


def fail_for_history(draft: Draft, limit: int) -> None:
    """Close the run as failed because its history has grown beyond its bound."""
    value = draft.run.last_sequence
    fail_run(
        draft,
        {
            "failure_category": "structural_limit",
            "exception_class": "StructuralLimitExceeded",
            "message": f"Structural limit exceeded: {value} history events, {limit} are allowed.",
        },
    )
