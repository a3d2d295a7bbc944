"""How a run reaches its final status, and what becomes of the work it leaves behind."""

from typing import Any

from durable_server.clock import to_micro_text
from durable_server.engine.decision import Draft
from durable_server.engine.run_state import Payload


def close_run(draft: Draft, status: str, closed_reason: str) -> None:
    """Set the final status; the caller records the closing event.

    Open tasks are withdrawn. A worker that holds an activity may still report: the outcome is
    settled on its row and changes nothing else.
    """
    run = draft.run
    run.status, run.closed_reason = status, closed_reason
    run.closed_at = run.last_progress_at = draft.now
    run.deadline_at = None
    run.task_id, run.task_leased, run.wake_requested = None, False, False
    run.barriers, run.ready_barriers = {}, []
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
            draft.append("ActivityCancelled", _cancelled(draft, activity))
            draft.put_activity(
                activity._replace(status="cancelled", closed_at=draft.now, due_at=None)
            )
    for timer in draft.timers():
        if timer.status == "pending":
            payload = {
                "timer_id": timer.timer_id,
                "sequence": timer.step,
                "delay_seconds": timer.delay_seconds,
                "fire_at": to_micro_text(timer.fire_at),
                "cancelled_at": to_micro_text(draft.now),
            }
            draft.append("TimerCancelled", payload)
            draft.put_timer(timer._replace(status="cancelled"))


def _cancelled(draft: Draft, activity: Any) -> dict[str, Any]:
    payload = {
        "activity_execution_id": activity.activity_execution_id,
        "activity_class": activity.activity_type,
        "activity_type": activity.activity_type,
        "sequence": activity.step,
        "cancelled_at": to_micro_text(draft.now),
    }
    if activity.attempt:
        payload["activity_attempt_id"] = f"{activity.activity_execution_id}.{activity.attempt}"
        payload["attempt_number"] = activity.attempt
    return payload


def complete_run(draft: Draft, output: Payload | None) -> None:
    """Close the run as completed with what it returned."""
    payload: dict[str, Any] = {}
    if output is not None:
        payload = {"output": output.blob, "payload_codec": output.codec}
    close_run(draft, "completed", "completed")
    draft.set_output(output)
    draft.append("WorkflowCompleted", payload)
