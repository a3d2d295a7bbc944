"""A run as a person who looks for trouble is shown it: what is open, what failed, what is odd."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from durable_server.clock import to_micro_text
from durable_server.engine import liveness
from durable_server.engine.run_state import Event, Run, Timer
from durable_server.views import open_work
from durable_server.views.open_work import Open
from durable_server.views.runs import BUCKETS

PREVIEW_BYTES = 4096
KEYS_MAX = 20
FAILURES_MAX = 10


class Snapshot(NamedTuple):
    """What was read of a run: open work, the newest events, the events that tell of failures."""

    run: Run
    open: Open
    recent: Sequence[Event]
    failures: Sequence[Event]
    now: int


def snapshot(shown: Snapshot, task_queue: dict[str, Any], *, with_payload: bool) -> dict[str, Any]:
    """The whole answer; members that say nothing are left out of the inner objects."""
    run = shown.run
    tasks = open_work.workflow_tasks(run, shown.open.tasks, shown.now)
    execution = _execution(shown, tasks, with_payload)
    pollers = task_queue["stats"]["pollers"]["active_count"]
    return {
        "generated_at": to_micro_text(shown.now),
        "workflow_id": run.workflow_id,
        "run_id": run.run_id,
        "namespace": run.namespace,
        "diagnostic_status": _status(run, execution, tasks),
        "execution": execution,
        "counts": _counts(run),
        "pending_workflow_tasks": tasks,
        "pending_activities": open_work.activities(shown.open, shown.now),
        "pending_timers": open_work.timers(shown.open.timers),
        "pending_children": open_work.children(shown.open.children),
        "pending_signals": open_work.signals(shown.open.signals),
        "pending_updates": open_work.updates(shown.open.updates),
        "open_waits": run.waits[: open_work.LISTED_MAX],
        "recent_events": [_event(event) for event in shown.recent],
        "recent_failures": [failure_of(event) for event in shown.failures[:FAILURES_MAX]],
        "task_queue": task_queue,
        "compatibility": {"run": {"compatibility": run.build_id, "task_queue": run.task_queue}},
        "findings": _findings(execution, tasks, pollers),
    }


def _execution(shown: Snapshot, tasks: list[dict[str, Any]], with_payload: bool) -> dict[str, Any]:
    run = shown.run
    work = liveness.work_of(shown.open.activities, shown.open.children)
    wait, alive = liveness.wait_of(run, work), liveness.liveness_of(run, work)
    missing = any(task["task_missing"] for task in tasks) or open_work.stranded(shown.open)
    # What a closed run left behind is settled when its worker reports; nothing resumes it.
    if missing and not run.closed:
        alive = liveness.Liveness(liveness.REPAIR_NEEDED, "A task that the run needs is missing.")
    failing = any(task["failure_count"] for task in tasks)
    return open_work.present(
        {
            "status": run.status,
            "status_bucket": BUCKETS[run.status],
            "is_terminal": run.closed,
            "closed_reason": run.closed_reason,
            "workflow_type": run.workflow_type,
            "task_queue": run.task_queue,
            "compatibility": run.build_id,
            "run_number": run.run_number,
            "started_at": to_micro_text(run.started_at),
            "closed_at": open_work.micro(run.closed_at),
            "archived_at": open_work.micro(run.archived_at),
            "last_progress_at": to_micro_text(run.last_progress_at),
            "wait_kind": wait.kind,
            "wait_reason": wait.reason,
            "liveness_state": alive.state,
            "liveness_reason": alive.reason,
            "repair_attention": alive.state == liveness.REPAIR_NEEDED,
            "task_problem": failing,
            "last_event": _last_event(shown.recent, with_payload),
            "next_scheduled_event": _next(shown),
        }
    )


def _next(shown: Snapshot) -> dict[str, Any] | None:
    """The open task that is due first, else the timer that fires first."""
    tasks = [task for task in shown.open.tasks if task.status in ("ready", "leased")]
    task = min(tasks, key=lambda each: (each.kind != "workflow", each.available_at), default=None)
    if task is not None:
        leased = task.status == "leased"
        return open_work.present(
            {
                "source": "open_task",
                "task_id": task.task_id,
                "task_type": task.kind,
                "task_status": task.status,
                "available_at": to_micro_text(task.available_at),
                "lease_expires_at": open_work.micro(task.lease_expires_at) if leased else None,
            }
        )
    timer: Timer | None = next(iter(shown.open.timers), None)
    if timer is None:
        return None
    return {
        "source": "timer",
        "timer_id": timer.timer_id,
        "wait_deadline_at": to_micro_text(timer.fire_at),
    }


def _status(run: Run, execution: dict[str, Any], tasks: list[dict[str, Any]]) -> str:
    if run.closed:
        return "terminal"
    if execution["task_problem"] or execution["repair_attention"]:
        return "needs_attention"
    if tasks or run.open_activities:
        return "pending_work"
    return "waiting" if execution.get("wait_kind") else "running"


def _counts(run: Run) -> dict[str, int]:
    return {
        "history_events": run.last_sequence,
        "history_bytes": run.history_bytes,
        "activities": run.open_activities,
        "timers": run.open_timers,
        "children": run.open_children,
        "signals": run.open_signals,
        "updates": run.open_updates,
        "waits": len(run.waits),
    }


def _event(event: Event) -> dict[str, Any]:
    return {
        "sequence": event.sequence,
        "event_type": event.event_type,
        "timestamp": to_micro_text(event.recorded_at),
        "size_bytes": len(event.payload.encode()),
    }


def _last_event(recent: Sequence[Event], with_payload: bool) -> dict[str, Any] | None:
    if not recent:
        return None
    event = recent[-1]
    text = event.payload.encode()
    keys = list(orjson.loads(text))
    shown: dict[str, Any] = {
        "sequence": event.sequence,
        "event_type": event.event_type,
        "timestamp": to_micro_text(event.recorded_at),
        "payload_summary": {
            "included": with_payload,
            "encoding": "json",
            "size_bytes": len(text),
            "top_level_type": "object",
            "top_level_key_count": len(keys),
            "top_level_keys": keys[:KEYS_MAX],
            "top_level_keys_truncated": len(keys) > KEYS_MAX,
            "preview_max_bytes": PREVIEW_BYTES,
        },
    }
    if with_payload:
        shown["payload_preview"] = {
            "encoding": "json",
            "size_bytes": len(text),
            "max_bytes": PREVIEW_BYTES,
            "truncated": len(text) > PREVIEW_BYTES,
            "data": text[:PREVIEW_BYTES].decode(errors="ignore"),
        }
    return shown


_SOURCES = {
    "ActivityFailed": ("activity_execution", "activity_execution_id"),
    "ActivityTimedOut": ("activity_execution", "activity_execution_id"),
    "ChildRunFailed": ("child_workflow_run", "child_workflow_run_id"),
    "UpdateCompleted": ("workflow_update", "update_id"),
}
_FAILURE_FIELDS = (
    *("failure_id", "propagation_kind", "exception_class", "exception_type", "non_retryable"),
)


def failure_of(event: Event) -> dict[str, Any]:
    """The failure that an event tells of."""
    payload = orjson.loads(event.payload)
    kind, id_field = _SOURCES.get(event.event_type, ("workflow_run", "workflow_run_id"))
    return open_work.present(
        {
            **{name: payload.get(name) for name in _FAILURE_FIELDS},
            "source_kind": kind,
            "source_id": payload.get("source_id") or payload.get(id_field) or event.run_id,
            "failure_category": str(payload.get("failure_category") or "application"),
            "message": str(payload.get("message") or ""),
            "created_at": to_micro_text(event.recorded_at),
            "sequence": event.sequence,
        }
    )


def _findings(
    execution: dict[str, Any], tasks: list[dict[str, Any]], pollers: int
) -> list[dict[str, str]]:
    found: list[tuple[bool, str, str]] = [
        (
            bool(tasks) and not pollers,
            "no_active_pollers",
            "The run has pending work but no active pollers on its task queue.",
        ),
        (
            any(task.get("lease_expired") for task in tasks),
            "expired_leases",
            "A worker holds a task whose lease has run out.",
        ),
        (
            execution["task_problem"],
            "task_problem",
            "Workers fail to carry out the workflow task; see last_error and next_attempt_at.",
        ),
        (
            execution["repair_attention"],
            "repair_attention",
            "Nothing will resume the run; repair it.",
        ),
    ]
    return [
        {"severity": "warning", "code": code, "message": message}
        for holds, code, message in found
        if holds
    ]
