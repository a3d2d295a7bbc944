"""A task queue as people are shown it: who polls it, and how much waits there."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from durable_server.clock import SECOND, to_micro_text
from durable_server.engine.run_state import Task


class Queue(NamedTuple):
    """What was read of a queue: counts end at the limit up to which they were read."""

    name: str
    pollers: Sequence[Any]
    leased: Sequence[Task]
    oldest: Task | None
    counts: Any


def task_queue(queue: Queue, stale_after_seconds: int, now: int) -> dict[str, Any]:
    """A queue with its registered workers, its backlog and its leases."""
    counts = queue.counts
    age = None if queue.oldest is None else max(0, now - queue.oldest.available_at) // SECOND
    return {
        "name": queue.name,
        "pollers": [_poller(worker, stale_after_seconds, now) for worker in queue.pollers],
        "stats": {
            "approximate_backlog_count": counts.workflow.ready + counts.activity.ready,
            "approximate_backlog_age": None if age is None else _label(age),
            "approximate_backlog_age_seconds": age,
            "oldest_ready_task": None if queue.oldest is None else _oldest(queue.oldest, age),
            "workflow_tasks": _kind(counts.workflow),
            "activity_tasks": _kind(counts.activity),
            "pollers": {
                "active_count": counts.fresh_workers,
                "stale_count": counts.silent_workers,
                "stale_after_seconds": stale_after_seconds,
            },
        },
        "current_leases": [_lease(task, now) for task in queue.leased],
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
    stale = expires_at <= now
    return {
        "worker_id": worker.worker_id,
        "runtime": worker.runtime,
        "sdk_version": worker.sdk_version,
        "build_id": worker.build_id,
        "status": "stale" if stale else worker.status,
        "is_stale": stale,
        "last_heartbeat_at": to_micro_text(worker.last_heartbeat_at),
        "heartbeat_expires_at": to_micro_text(expires_at),
        "supported_workflow_types": _types(worker.supported_workflow_types),
        "supported_activity_types": _types(worker.supported_activity_types),
        "max_concurrent_workflow_tasks": worker.max_concurrent_workflow_tasks,
        "max_concurrent_activity_tasks": worker.max_concurrent_activity_tasks,
    }


def _types(text: str | None) -> list[str]:
    return [] if text is None else sorted(orjson.loads(text))
