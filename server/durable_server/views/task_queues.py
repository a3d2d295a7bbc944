"""A task queue as people are shown it: who polls it, and how much waits there."""

from collections.abc import Sequence
from typing import Any

import orjson

from durable_server.clock import SECOND, to_micro_text


def task_queue(
    name: str, pollers: Sequence[Any], counts: Any, stale_after_seconds: int, now: int
) -> dict[str, Any]:
    """A queue with its registered workers; counts end at the limit up to which they were read."""
    return {
        "name": name,
        "pollers": [_poller(worker, stale_after_seconds, now) for worker in pollers],
        "stats": {
            "approximate_backlog_count": counts.workflow.ready + counts.activity.ready,
            "workflow_tasks": _kind(counts.workflow),
            "activity_tasks": _kind(counts.activity),
            "pollers": {
                "active_count": counts.fresh_workers,
                "stale_count": counts.silent_workers,
                "stale_after_seconds": stale_after_seconds,
            },
        },
    }


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
