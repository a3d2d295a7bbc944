"""The open work of a run as a person is shown it: tasks, activities, timers, children, messages."""

from collections.abc import Sequence
from typing import Any, Protocol

import orjson

from durable_server.clock import to_micro_text
from durable_server.engine.run_state import Activity, Child, Run, Signal, Task, Timer, Update

LISTED_MAX = 25


class Open(Protocol):
    """The open rows of a run, the first of each kind."""

    @property
    def tasks(self) -> list[Task]: ...
    @property
    def activities(self) -> list[Activity]: ...
    @property
    def timers(self) -> list[Timer]: ...
    @property
    def children(self) -> list[Child]: ...
    @property
    def signals(self) -> list[Signal]: ...
    @property
    def updates(self) -> list[Update]: ...


def present(members: dict[str, Any]) -> dict[str, Any]:
    """The members that say something."""
    return {name: value for name, value in members.items() if value is not None}


def micro(instant: int | None) -> str | None:
    """An instant as text, or None."""
    return None if instant is None else to_micro_text(instant)


def workflow_tasks(run: Run, tasks: Sequence[Task], now: int) -> list[dict[str, Any]]:
    """The open workflow task, or the gap where the run counts on one that is not there."""
    found = [task for task in tasks if task.kind == "workflow"]
    if run.task_id is not None and not any(task.task_id == run.task_id for task in found):
        return [_missing(run, run.task_id)]
    return [_workflow_task(task, now) for task in found]


def _missing(run: Run, task_id: str) -> dict[str, Any]:
    return {
        "task_id": task_id,
        "task_type": "workflow",
        "status": "missing",
        "transport_state": "missing",
        "summary": "The workflow task that the run counts on is not there.",
        "queue": run.task_queue,
        "attempt_count": 0,
        "failure_count": 0,
        "task_missing": True,
    }


def _workflow_task(task: Task, now: int) -> dict[str, Any]:
    state, summary = _transport(task, now)
    reason = orjson.loads(task.resume) if task.resume else {}
    leased = task.status == "leased"
    return present(
        {
            "task_id": task.task_id,
            "task_type": "workflow",
            "status": task.status,
            "transport_state": state,
            "summary": summary,
            "queue": task.task_queue,
            "compatibility": task.build_id,
            "available_at": to_micro_text(task.available_at),
            "leased_at": micro(task.leased_at) if leased else None,
            "lease_owner": task.lease_owner if leased else None,
            "lease_expires_at": micro(task.lease_expires_at) if leased else None,
            "lease_expired": state == "lease_expired",
            "attempt_count": task.attempt,
            "failure_count": task.failure_count,
            "last_error": task.last_error,
            "next_attempt_at": to_micro_text(task.available_at) if state == "scheduled" else None,
            "workflow_wait_kind": reason.get("workflow_wait_kind"),
            "workflow_open_wait_id": reason.get("open_wait_id"),
            "workflow_resume_source_kind": reason.get("resume_source_kind"),
            "workflow_resume_source_id": reason.get("resume_source_id"),
            "task_missing": False,
        }
    )


def _transport(task: Task, now: int) -> tuple[str, str]:
    if task.status == "leased":
        if task.lease_expires_at is not None and task.lease_expires_at <= now:
            return "lease_expired", "The lease of the workflow task has run out."
        return "leased", "Workflow task leased to a worker."
    if task.available_at > now:
        return "scheduled", "Workflow task waits to be offered again."
    return "ready", "Workflow task ready to resume the selected run."


def activities(rows: Open, now: int) -> list[dict[str, Any]]:
    """Open activities with their current attempts."""
    tasks = {task.task_id: task for task in rows.tasks}
    return [_activity(each, tasks.get(each.task_id or ""), now) for each in rows.activities]


def _activity(activity: Activity, task: Task | None, now: int) -> dict[str, Any]:
    attempt_id = f"{activity.activity_execution_id}.{activity.attempt}"
    running = activity.status == "running"
    return present(
        {
            "activity_execution_id": activity.activity_execution_id,
            "activity_type": activity.activity_type,
            "activity_class": activity.activity_type,
            "status": activity.status,
            "queue": activity.task_queue,
            "sequence": activity.step,
            "attempt_count": activity.attempt,
            "max_attempts": activity.max_attempts,
            "task_id": activity.task_id,
            "available_at": micro(task.available_at) if task and not running else None,
            "current_attempt_id": attempt_id if activity.attempt else None,
            "started_at": micro(activity.started_at),
            "last_heartbeat_at": micro(activity.last_heartbeat_at),
            "schedule_deadline_at": None if running else micro(activity.schedule_to_start_at),
            "close_deadline_at": micro(activity.start_to_close_at),
            "schedule_to_close_deadline_at": micro(activity.schedule_to_close_at),
            "heartbeat_deadline_at": micro(activity.heartbeat_at),
            "current_attempt": _attempt(activity, attempt_id, task, now) if running else None,
        }
    )


def _attempt(activity: Activity, attempt_id: str, task: Task | None, now: int) -> dict[str, Any]:
    expires_at = task.lease_expires_at if task is not None else None
    return present(
        {
            "activity_attempt_id": attempt_id,
            "attempt_number": activity.attempt,
            "status": "running",
            "lease_owner": activity.lease_owner,
            "started_at": micro(activity.started_at),
            "last_heartbeat_at": micro(activity.last_heartbeat_at),
            "lease_expires_at": micro(expires_at),
            "lease_expired": expires_at is not None and expires_at <= now,
        }
    )


def stranded(rows: Open) -> bool:
    """Whether an open activity has lost its task, so that nobody will carry it out."""
    held = {task.task_id for task in rows.tasks if task.status in ("ready", "leased")}
    return any(activity.task_id not in held for activity in rows.activities)


def timers(rows: Sequence[Timer]) -> list[dict[str, Any]]:
    """Open timers."""
    return [
        present(
            {
                "timer_id": timer.timer_id,
                "sequence": timer.step,
                "timer_kind": timer.kind,
                "delay_seconds": timer.delay_seconds,
                "fire_at": to_micro_text(timer.fire_at),
            }
        )
        for timer in rows
    ]


def children(rows: Sequence[Child]) -> list[dict[str, Any]]:
    """Open children."""
    return [
        {
            "child_call_id": child.child_call_id,
            "sequence": child.step,
            "workflow_type": child.workflow_type,
            "child_workflow_id": child.child_workflow_id,
            "child_run_id": child.child_run_id,
            "status": child.status,
            "parent_close_policy": child.parent_close_policy,
            "created_at": to_micro_text(child.created_at),
        }
        for child in rows
    ]


def signals(rows: Sequence[Signal]) -> list[dict[str, Any]]:
    """Signals that no code has taken yet."""
    return [
        {
            "signal_id": signal.signal_id,
            "signal_name": signal.name,
            "status": signal.status,
            "in_history": signal.recorded,
            "command_sequence": signal.command_sequence,
            "received_at": to_micro_text(signal.received_at),
        }
        for signal in rows
    ]


def updates(rows: Sequence[Update]) -> list[dict[str, Any]]:
    """Updates that have not ended, those that are still judged among them."""
    return [
        {
            "update_id": update.update_id,
            "update_name": update.name,
            "status": update.status,
            "in_history": update.recorded and update.status == "accepted",
            "command_sequence": update.command_sequence,
            "accepted_at": to_micro_text(update.accepted_at),
        }
        for update in rows
    ]
