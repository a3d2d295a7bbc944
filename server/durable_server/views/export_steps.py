"""The steps of a run as bundles list them: activities, timers, links, told from its history.

Nothing is said of a step that its events do not say, so that a bundle agrees with its own history.
"""

from typing import Any

from durable_server.engine.run_state import Run

Event = dict[str, Any]
AUTHORITY = {"history_authority": "typed_history", "diagnostic_only": False}
_GROUP = ("kind", "id", "base_sequence", "size", "index", "path")
_ACTIVITY_ENDS = {
    "ActivityCompleted": "completed",
    "ActivityFailed": "failed",
    "ActivityTimedOut": "failed",
    "ActivityCancelled": "cancelled",
}
_TIMER_ENDS = {
    "TimerFired": ("fired", "fired_at"),
    "TimerCancelled": ("cancelled", "cancelled_at"),
}
_TIMER_TOLD = (
    *("timer_kind", "condition_wait_id", "condition_key", "condition_definition_fingerprint"),
    *("signal_wait_id", "signal_name"),
)
_CHILD_ENDS = {
    "ChildRunCompleted": ("completed", "completed"),
    "ChildRunFailed": ("failed", "failed"),
    "ChildRunCancelled": ("cancelled", "failed"),
    "ChildRunTerminated": ("terminated", "failed"),
}


def activities(events: list[Event], queue: str) -> list[dict[str, Any]]:
    """Activities by the order in which they were scheduled; `queue` is that of the run."""
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        if not event["type"].startswith("Activity"):
            continue
        payload = event["payload"]
        known = payload["activity_execution_id"]
        activity = found.setdefault(known, _activity(payload, queue))
        _tell_activity(activity, event)
    return list(found.values())


def _activity(payload: dict[str, Any], queue: str) -> dict[str, Any]:
    """An activity as it was scheduled."""
    shown = payload.get("activity") or {}
    return {
        "id": payload["activity_execution_id"],
        "idempotency_key": payload["activity_execution_id"],
        "sequence": payload["sequence"],
        "activity_type": payload["activity_type"],
        "activity_class": payload["activity_type"],
        "execution_mode": payload.get("execution_mode", "remote"),
        "local_activity": payload.get("execution_mode") == "local",
        "status": "pending",
        **AUTHORITY,
        "history_event_types": [],
        **_group_of(payload),
        "queue": shown.get("queue", queue),
        "retry_policy": shown.get("retry_policy"),
        "attempt_count": 0,
        "current_attempt_id": None,
        "payload_codec": shown.get("payload_codec"),
        "arguments": shown.get("arguments"),
        "result_codec": None,
        "result": None,
        "created_at": shown.get("created_at"),
        "started_at": None,
        "last_heartbeat_at": None,
        "last_heartbeat_progress": None,
        "closed_at": None,
        "attempts": [],
    }


def _tell_activity(activity: dict[str, Any], event: Event) -> None:
    """What one more event says of an activity."""
    payload, kind = event["payload"], event["type"]
    if kind not in activity["history_event_types"]:
        activity["history_event_types"].append(kind)
    if kind == "ActivityStarted":
        activity["status"] = "running"
        activity["started_at"] = activity["started_at"] or event["recorded_at"]
        activity["attempts"].append(_attempt(payload, event))
    attempt = activity["attempts"][-1] if activity["attempts"] else None
    activity["attempt_count"] = payload.get("attempt_number", activity["attempt_count"])
    activity["current_attempt_id"] = payload.get(
        "activity_attempt_id", activity["current_attempt_id"]
    )
    if kind == "ActivityHeartbeatRecorded":
        activity["last_heartbeat_at"] = payload["heartbeat_at"]
        activity["last_heartbeat_progress"] = payload.get("progress")
        _tell_attempt(attempt, last_heartbeat_at=payload["heartbeat_at"])
    elif kind == "ActivityRetryScheduled":
        activity["status"] = "pending"
        _tell_attempt(attempt, status="failed", closed_at=event["recorded_at"])
    elif kind in _ACTIVITY_ENDS:
        status = _ACTIVITY_ENDS[kind]
        closed_at = (payload.get("activity") or {}).get("closed_at", event["recorded_at"])
        activity |= {"status": status, "closed_at": closed_at}
        if payload.get("result") is not None:
            activity |= {"result": payload["result"], "result_codec": payload["payload_codec"]}
        _tell_attempt(attempt, status=status, closed_at=closed_at)


def _attempt(payload: dict[str, Any], event: Event) -> dict[str, Any]:
    return {
        "id": payload["activity_attempt_id"],
        "activity_execution_id": payload["activity_execution_id"],
        "attempt_number": payload["attempt_number"],
        "status": "running",
        "started_at": event["recorded_at"],
        "last_heartbeat_at": None,
        "closed_at": None,
    }


def _tell_attempt(attempt: dict[str, Any] | None, **told: Any) -> None:
    if attempt is not None and attempt["closed_at"] is None:
        attempt |= told


def timers(events: list[Event]) -> list[dict[str, Any]]:
    """Timers by the order in which they were started."""
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        if not event["type"].startswith("Timer"):
            continue
        payload, kind = event["payload"], event["type"]
        timer = found.setdefault(payload["timer_id"], _timer(payload, event))
        timer["history_event_types"].append(kind)
        if kind in _TIMER_ENDS:
            status, instant = _TIMER_ENDS[kind]
            timer |= {"status": status, instant: payload[instant]}
    return list(found.values())


def _timer(payload: dict[str, Any], event: Event) -> dict[str, Any]:
    return {
        "id": payload["timer_id"],
        "sequence": payload["sequence"],
        "status": "pending",
        "delay_seconds": payload["delay_seconds"],
        "fire_at": payload["fire_at"],
        "fired_at": None,
        "cancelled_at": None,
        "created_at": event["recorded_at"],
        **{name: payload.get(name) for name in _TIMER_TOLD},
        **_group_of(payload),
        **AUTHORITY,
        "history_event_types": [],
    }


def links(events: list[Event], run: Run) -> dict[str, Any]:
    """Whose child the run is or which run it continues, and what came of it in turn."""
    parents: list[dict[str, Any]] = []
    children: dict[str, dict[str, Any]] = {}
    for event in events:
        payload, kind = event["payload"], event["type"]
        if kind == "WorkflowStarted":
            parents += _parents(payload, event, run)
        elif kind == "WorkflowContinuedAsNew":
            children[payload["workflow_link_id"]] = _continuation(payload, event, run)
        elif "child_call_id" in payload and kind.startswith("Child"):
            call = payload["child_call_id"]
            _tell_child(children.setdefault(call, _child(payload, event, run)), event)
    return {"projection_source": "history", "parents": parents, "children": [*children.values()]}


def _link(kind: str, link_id: str, event: Event) -> dict[str, Any]:
    return {
        "id": link_id,
        "type": kind,
        "child_call_id": None,
        "sequence": None,
        "is_primary_parent": True,
        "run_number": None,
        "created_at": event["recorded_at"],
        **AUTHORITY,
    }


def _parents(payload: dict[str, Any], event: Event, run: Run) -> list[dict[str, Any]]:
    mine = {
        "child_workflow_instance_id": run.workflow_id,
        "child_workflow_run_id": run.run_id,
        "run_number": run.run_number,
    }
    found = []
    if payload.get("parent_workflow_run_id"):
        found.append(
            _link("child_workflow", payload["workflow_link_id"], event)
            | mine
            | {
                "parent_workflow_instance_id": payload["parent_workflow_instance_id"],
                "parent_workflow_run_id": payload["parent_workflow_run_id"],
                "child_call_id": payload["child_call_id"],
                "sequence": payload["parent_sequence"],
            }
        )
    if payload.get("continued_from_run_id"):
        before = payload["continued_from_run_id"]
        found.append(
            _link("continue_as_new", before, event)
            | mine
            | {"parent_workflow_instance_id": run.workflow_id, "parent_workflow_run_id": before}
        )
    return found


def _continuation(payload: dict[str, Any], event: Event, run: Run) -> dict[str, Any]:
    return _link("continue_as_new", payload["workflow_link_id"], event) | {
        "parent_workflow_instance_id": run.workflow_id,
        "parent_workflow_run_id": run.run_id,
        "child_workflow_instance_id": run.workflow_id,
        "child_workflow_run_id": payload["continued_to_run_id"],
        "run_number": payload["continued_to_run_number"],
        "sequence": payload["sequence"],
    }


def _child(payload: dict[str, Any], event: Event, run: Run) -> dict[str, Any]:
    return _link("child_workflow", payload["child_call_id"], event) | {
        "parent_workflow_instance_id": run.workflow_id,
        "parent_workflow_run_id": run.run_id,
        "child_workflow_instance_id": payload.get("child_workflow_instance_id"),
        "child_workflow_run_id": payload.get("child_workflow_run_id"),
        "child_call_id": payload["child_call_id"],
        "sequence": payload["sequence"],
        "workflow_type": payload.get("child_workflow_type"),
        "class": payload.get("child_workflow_type"),
        "status": "started",
        "status_bucket": "running",
        "closed_reason": None,
    }


def _tell_child(link: dict[str, Any], event: Event) -> None:
    """What one more event says of a child."""
    payload = event["payload"]
    for name, told in (("child_workflow_run_id",) * 2, ("run_number", "child_run_number")):
        link[name] = payload.get(told) or link[name]
    if event["type"] in _CHILD_ENDS:
        status, bucket = _CHILD_ENDS[event["type"]]
        link |= {
            "status": status,
            "status_bucket": bucket,
            "closed_reason": payload.get("closed_reason", status),
        }


def _group_of(payload: dict[str, Any]) -> dict[str, Any]:
    """The place of a step in its fan-out."""
    group = {f"parallel_group_{name}": payload.get(f"parallel_group_{name}") for name in _GROUP}
    return group | {"parallel_group_path": group["parallel_group_path"] or []}
