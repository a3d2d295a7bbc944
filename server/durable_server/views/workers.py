"""Registered workers as people are shown them."""

import base64
from typing import Any

import orjson

from durable_server.clock import SECOND, to_micro_text

_TOLD = ("task_slots", "process_metrics")


def listed(worker: Any, stale_after_seconds: int, now: int) -> dict[str, Any]:
    """A worker on a list."""
    details = orjson.loads(worker.details)
    return {
        "worker_id": worker.worker_id,
        "namespace": worker.namespace,
        "task_queue": worker.task_queue,
        "runtime": worker.runtime,
        "sdk_version": worker.sdk_version,
        "build_id": worker.build_id,
        "supported_workflow_types": types_of(worker.supported_workflow_types),
        "workflow_definition_fingerprints": orjson.loads(worker.workflow_definition_fingerprints),
        "supported_activity_types": types_of(worker.supported_activity_types),
        "max_concurrent_workflow_tasks": worker.max_concurrent_workflow_tasks,
        "max_concurrent_activity_tasks": worker.max_concurrent_activity_tasks,
        "capabilities": orjson.loads(worker.capabilities),
        **{name: details[name] for name in _TOLD if name in details},
        "status": status_of(worker, stale_after_seconds, now),
        "last_heartbeat_at": to_micro_text(worker.last_heartbeat_at),
        "registered_at": to_micro_text(worker.registered_at),
    }


def described(worker: Any, stale_after_seconds: int, now: int) -> dict[str, Any]:
    """One worker."""
    shown = listed(worker, stale_after_seconds, now)
    return {**shown, "updated_at": to_micro_text(worker.updated_at)}


def status_of(worker: Any, stale_after_seconds: int, now: int) -> str:
    """Silent workers are stale, whatever was said of their build."""
    if worker.last_heartbeat_at + stale_after_seconds * SECOND <= now:
        return "stale"
    return "draining" if worker.status == "draining" else "active"


def cursor_token(worker: Any) -> str:
    """The token of the page that follows this worker: when it was heard, and its id."""
    place = [worker.last_heartbeat_at, worker.worker_id]
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode()


def cursor_of(token: str | None) -> tuple[int, str] | None:
    """The worker that a page token points behind; one that is none of ours means the first page."""
    try:
        heard_at, worker_id = orjson.loads(base64.urlsafe_b64decode(token or ""))
    except (ValueError, TypeError):
        return None
    if not isinstance(heard_at, int) or not isinstance(worker_id, str) or "\0" in worker_id:
        return None
    return heard_at, worker_id


def types_of(text: str | None) -> list[str]:
    """The types that a worker says it runs, sorted; none for every type."""
    return [] if text is None else sorted(orjson.loads(text))
