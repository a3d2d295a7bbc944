"""The payloads of activity events: identity fields, snapshots, failures."""

from typing import Any

import orjson

from durable_server import payloads
from durable_server.clock import to_micro_text
from durable_server.engine.run_state import Activity, Payload


def _identity(activity: Activity) -> dict[str, Any]:
    return {
        "activity_execution_id": activity.activity_execution_id,
        "activity_class": activity.activity_type,
        "activity_type": activity.activity_type,
        "sequence": activity.step,
        **(orjson.loads(activity.group) if activity.group else {}),
    }


def attempt_id(activity: Activity) -> str:
    """The id of the current attempt."""
    return f"{activity.activity_execution_id}.{activity.attempt}"


def _attempt(activity: Activity) -> dict[str, Any]:
    fields = _identity(activity)
    if activity.attempt:
        fields["activity_attempt_id"] = attempt_id(activity)
        fields["attempt_number"] = activity.attempt
    return fields


def snapshot(activity: Activity, arguments: Payload | None = None) -> dict[str, Any]:
    """The activity as histories show it; the arguments only where it is scheduled."""
    shown: dict[str, Any] = {
        "id": activity.activity_execution_id,
        "idempotency_key": activity.activity_execution_id,
        "sequence": activity.step,
        "type": activity.activity_type,
        "class": activity.activity_type,
        "status": activity.status,
        "payload_codec": activity.payload_codec,
        "attempt_count": activity.attempt,
        "queue": activity.task_queue,
        "created_at": to_micro_text(activity.created_at),
    }
    if activity.attempt:
        shown["attempt_id"] = attempt_id(activity)
    if activity.options:
        shown["retry_policy"] = orjson.loads(activity.options)
    if arguments is not None:
        shown["arguments"] = arguments.blob
    for name in ("started_at", "closed_at", "last_heartbeat_at"):
        instant = getattr(activity, name)
        if instant is not None:
            shown[name] = to_micro_text(instant)
    return shown


def scheduled(activity: Activity, arguments: Payload | None) -> dict[str, Any]:
    """ActivityScheduled; holds the arguments for every attempt to come."""
    return {**_identity(activity), "activity": snapshot(activity, arguments)}


def started(activity: Activity) -> dict[str, Any]:
    """ActivityStarted."""
    return {**_attempt(activity), "activity": snapshot(activity)}


def completed(activity: Activity, result: Payload) -> dict[str, Any]:
    """ActivityCompleted."""
    return {
        **_attempt(activity),
        "result": payloads.in_event(result),
        "payload_codec": result.codec,
        "activity": snapshot(activity),
    }


def cancelled(activity: Activity, now: int) -> dict[str, Any]:
    """ActivityCancelled."""
    return {**_attempt(activity), "cancelled_at": to_micro_text(now)}


def failed(activity: Activity, failure: dict[str, Any], failure_id: str) -> dict[str, Any]:
    """ActivityFailed."""
    fields = {
        "failure_id": failure_id,
        "failure_category": failure.get("category", "activity"),
        "non_retryable": failure.get("non_retryable") is True,
    }
    return {
        **_attempt(activity),
        **fields,
        **failure_fields(failure),
        "activity": snapshot(activity),
    }


def timed_out(activity: Activity, kind: str, message: str, failure_id: str) -> dict[str, Any]:
    """ActivityTimedOut."""
    deadlines = {
        "schedule_deadline_at": activity.schedule_to_start_at,
        "close_deadline_at": activity.start_to_close_at,
        "schedule_to_close_deadline_at": activity.schedule_to_close_at,
        "heartbeat_deadline_at": activity.heartbeat_at,
    }
    shown = {name: to_micro_text(at) for name, at in deadlines.items() if at is not None}
    return {
        **_attempt(activity),
        "failure_id": failure_id,
        "failure_category": "timeout",
        "timeout_kind": kind,
        "message": message,
        "exception_class": "ActivityTimeout",
        "exception_type": "ActivityTimeout",
        "exception": {"class": "ActivityTimeout", "type": "ActivityTimeout", "message": message},
        **shown,
        "activity": snapshot(activity),
    }


def retry_scheduled(
    activity: Activity, task_id: str, available_at: int, delay: int
) -> dict[str, Any]:
    """ActivityRetryScheduled, without the cause."""
    payload = {
        **_identity(activity),
        "retry_task_id": task_id,
        "retry_available_at": to_micro_text(available_at),
        "retry_backoff_seconds": delay,
        "activity": snapshot(activity._replace(status="pending")),
    }
    if activity.attempt:
        payload["activity_attempt_id"] = attempt_id(activity)
        payload["retry_after_attempt_id"] = attempt_id(activity)
        payload["retry_after_attempt"] = activity.attempt
    if activity.task_id is not None:
        payload["retry_of_task_id"] = activity.task_id
    if activity.max_attempts is not None:
        payload["max_attempts"] = activity.max_attempts
    if activity.options:
        payload["retry_policy"] = orjson.loads(activity.options)
    return payload


def heartbeat_recorded(
    activity: Activity, lease_expires_at: int, progress: dict[str, Any]
) -> dict[str, Any]:
    """ActivityHeartbeatRecorded."""
    payload = {
        **_attempt(activity),
        "heartbeat_at": to_micro_text(activity.last_heartbeat_at or 0),
        "lease_expires_at": to_micro_text(lease_expires_at),
        "activity": snapshot(activity),
        "activity_attempt": {
            "id": attempt_id(activity),
            "activity_execution_id": activity.activity_execution_id,
            "task_id": activity.task_id,
            "attempt_number": activity.attempt,
            "status": "running",
            "lease_owner": activity.lease_owner,
            "started_at": to_micro_text(activity.started_at or 0),
            "last_heartbeat_at": to_micro_text(activity.last_heartbeat_at or 0),
            "lease_expires_at": to_micro_text(lease_expires_at),
        },
    }
    if progress:
        payload["progress"] = progress
    return payload


def failure_fields(failure: dict[str, Any]) -> dict[str, Any]:
    """How a failure reported by a worker stands in an event."""
    kind, message = failure.get("type"), failure.get("message", "")
    code = failure.get("code") if isinstance(failure.get("code"), int) else 0
    exception: dict[str, Any] = {
        # Clients read only the class, so the type stands in where no class was sent.
        "class": failure.get("class") or kind or "RuntimeException",
        "message": message,
        "code": code,
    }
    fields: dict[str, Any] = {
        "exception_class": exception["class"],
        "message": message,
        "code": code,
        "exception": exception,
    }
    if kind:
        fields["exception_type"] = exception["type"] = kind
    for name in ("details", "details_payload_codec", "stack_trace"):
        if failure.get(name) is not None:
            exception[name] = failure[name]
    if failure.get("non_retryable") is True:
        exception["non_retryable"] = True
    return fields


def worker_lost(activity: Activity) -> dict[str, Any]:
    """The failure of an activity whose last allowed attempt was lost with its worker."""
    return {
        "type": "WorkerLost",
        "class": "WorkerLost",
        "category": "timeout",
        "message": (
            f"Activity {activity.activity_type}: the lease of attempt {activity.attempt} ended "
            "without a report, and no attempts are left."
        ),
    }
