"""A task queue as people are shown it: who polls it, how much waits there, who holds what."""

from collections.abc import Sequence
from typing import Any

from durable_server.clock import SECOND, to_micro_text
from durable_server.engine.run_state import Task
from durable_server.views.workers import status_of, types_of

REDISPATCH_SECONDS = 3


def summary(name: str, counts: Any, stale_after_seconds: int, now: int) -> dict[str, Any]:
    """A queue by its name, with its backlog and what of it needs a look."""
    return {
        "name": name,
        "stats": _stats(counts, stale_after_seconds, now),
        "repair": _repair(counts),
    }


def details(
    pollers: Sequence[Any], leased: Sequence[Task], stale_after_seconds: int, now: int
) -> dict[str, Any]:
    """Who is registered for a queue, and who holds what of it."""
    return {
        "pollers": [_poller(worker, stale_after_seconds, now) for worker in pollers],
        "current_leases": [_lease(task, now) for task in leased],
    }


def _stats(counts: Any, stale_after_seconds: int, now: int) -> dict[str, Any]:
    oldest = counts.oldest
    age = None if oldest is None else max(0, now - oldest.available_at) // SECOND
    return {
        "approximate_backlog_count": counts.workflow.ready + counts.activity.ready,
        "approximate_backlog_age": None if age is None else _label(age),
        "approximate_backlog_age_seconds": age,
        "oldest_ready_task": None if oldest is None else _oldest(oldest, age),
        "workflow_tasks": _kind(counts.workflow),
        "activity_tasks": _kind(counts.activity),
        "pollers": {
            "active_count": counts.workers.active + counts.workers.draining,
            "stale_count": counts.workers.silent,
            "stale_after_seconds": stale_after_seconds,
        },
    }


def _repair(counts: Any) -> dict[str, Any]:
    """What the passes have to mend. Nothing is dispatched here that could fail or be late: workers
    fetch what is ready.
    """
    expired = counts.workflow.expired + counts.activity.expired
    return {
        "candidates": expired,
        "dispatch_failed": 0,
        "expired_leases": expired,
        "dispatch_overdue": 0,
        "needs_attention": expired > 0,
        "policy": {"redispatch_after_seconds": REDISPATCH_SECONDS},
    }


def _label(seconds: int) -> str:
    """An age for people: 5s, 1m05s, 1h02m03s."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02}m{rest:02}s"
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


def _task(task: Task) -> dict[str, Any]:
    return {
        "task_id": task.task_id,
        "task_type": task.kind,
        "workflow_id": task.workflow_id,
        "run_id": task.run_id,
    }


def _oldest(task: Task, age: int | None) -> dict[str, Any]:
    return {**_task(task), "available_at": to_micro_text(task.available_at), "age_seconds": age}


def _lease(task: Task, now: int) -> dict[str, Any]:
    expires_at = task.lease_expires_at or 0
    shown = {
        **_task(task),
        "lease_owner": task.lease_owner,
        "lease_expires_at": to_micro_text(expires_at),
        "is_expired": expires_at <= now,
    }
    if task.kind == "workflow":
        return {**shown, "workflow_task_attempt": task.attempt}
    if task.kind != "activity":
        return {**shown, "attempt_number": task.attempt}
    attempt_id = f"{task.activity_execution_id}.{task.attempt}"
    return {**shown, "activity_attempt_id": attempt_id, "attempt_number": task.attempt}


def _kind(counts: Any) -> dict[str, int]:
    return {
        "ready_count": counts.ready,
        "leased_count": counts.leased,
        "expired_lease_count": counts.expired,
    }


def _poller(worker: Any, stale_after_seconds: int, now: int) -> dict[str, Any]:
    expires_at = worker.last_heartbeat_at + stale_after_seconds * SECOND
    status = status_of(worker, stale_after_seconds, now)
    return {
        "worker_id": worker.worker_id,
        "runtime": worker.runtime,
        "sdk_version": worker.sdk_version,
        "build_id": worker.build_id,
        "status": status,
        "is_stale": status == "stale",
        "last_heartbeat_at": to_micro_text(worker.last_heartbeat_at),
        "heartbeat_expires_at": to_micro_text(expires_at),
        "supported_workflow_types": types_of(worker.supported_workflow_types),
        "supported_activity_types": types_of(worker.supported_activity_types),
        "max_concurrent_workflow_tasks": worker.max_concurrent_workflow_tasks,
        "max_concurrent_activity_tasks": worker.max_concurrent_activity_tasks,
    }
