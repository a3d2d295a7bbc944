"""What clients asked of a run as bundles list it: commands, signals, updates.

Told from the history; what is held back until a worker ends its task is told from its row.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from durable_server import payloads
from durable_server.clock import to_micro_text
from durable_server.engine.run_state import Payload, Signal, Update

Event = dict[str, Any]
_TOLD = (
    *("id", "sequence", "type", "target_scope", "requested_run_id", "resolved_run_id"),
    *("target_name", "source", "caller_label", "principal_type", "principal_id"),
    *(
        "principal_role",
        "principal_label",
        "auth_status",
        "auth_method",
        "request_method",
        "request_path",
    ),
    *("request_route_name", "request_fingerprint", "request_id", "correlation_id", "status"),
    *("outcome", "reason", "rejection_reason", "accepted_at", "applied_at", "rejected_at"),
)
_TARGET = ("target_scope", "requested_run_id", "resolved_run_id")


def held_back(rows: Sequence[Signal | Update], framing: str | None) -> list[Event]:
    """Signals and updates that are not in the history yet, as the events that they will be."""
    return [_event_of(row, framing) for row in rows if not row.recorded]


def _event_of(row: Signal | Update, framing: str | None) -> Event:
    if isinstance(row, Signal):
        kind, at = "SignalReceived", row.received_at
        names = {"signal_id": row.signal_id, "signal_name": row.name}
    else:
        kind, at = "UpdateAccepted", row.accepted_at
        names = {"update_id": row.update_id, "update_name": row.name}
    arguments: dict[str, Any] = {}
    if row.arguments is not None:
        shown = payloads.render(Payload(row.codec or "", row.arguments), framing)
        arguments = {"arguments": payloads.in_event(shown), "payload_codec": shown.codec}
    command = orjson.loads(row.command) if row.command else {"sequence": row.command_sequence}
    return {
        "type": kind,
        "recorded_at": to_micro_text(at),
        "workflow_command_id": row.command_id,
        "payload": {**names, **arguments, "command": command},
    }


def commands(events: Iterable[Event], given: dict[str, Any]) -> list[dict[str, Any]]:
    """Requests that changed the run, in their order; `given` is what it was started with."""
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        payload = event["payload"]
        command, command_id = payload.get("command"), event["workflow_command_id"]
        if not command or command_id is None or command_id in found:
            continue
        start = event["type"] == "StartAccepted"
        value, codec = _arguments(payload), payload.get("payload_codec")
        found[command_id] = {
            **{name: command.get(name) for name in _TOLD},
            "id": command_id,
            "context": command.get("context") or {},
            "validation_errors": command.get("validation_errors") or {},
            "payload": given["data"] if start else value,
            "payload_codec": given["codec"] if start else codec,
        }
    return sorted(found.values(), key=lambda command: command["sequence"] or 0)


def signals(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Signals in the order of arrival."""
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        payload = event["payload"]
        signal_id = payload.get("signal_id")
        if event["type"] == "SignalReceived" and signal_id is not None:
            found[signal_id] = _signal(payload, event)
        elif event["type"] == "SignalApplied" and signal_id in found:
            applied = {"status": "applied", "applied_at": event["recorded_at"]}
            closed = {"workflow_sequence": payload.get("sequence")}
            found[signal_id] |= {**applied, **closed, "closed_at": event["recorded_at"]}
    return list(found.values())


def _signal(payload: dict[str, Any], event: Event) -> dict[str, Any]:
    return {
        "id": payload["signal_id"],
        **_message(payload, event),
        "name": payload["signal_name"],
        "signal_wait_id": payload.get("signal_wait_id"),
        "status": "received",
        "outcome": (payload.get("command") or {}).get("outcome"),
        "received_at": event["recorded_at"],
    }


def updates(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Updates in the order in which they were accepted."""
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        update_id = event["payload"].get("update_id")
        if event["type"] in ("UpdateAccepted", "UpdateRejected") and update_id is not None:
            found[update_id] = _update(event["payload"], event)
        elif event["type"] in ("UpdateApplied", "UpdateCompleted") and update_id in found:
            found[update_id] |= _progress(event)
    return list(found.values())


def _update(payload: dict[str, Any], event: Event) -> dict[str, Any]:
    rejected = event["type"] == "UpdateRejected"
    at = event["recorded_at"]
    return {
        "id": payload["update_id"],
        **_message(payload, event),
        "name": payload["update_name"],
        "status": "rejected" if rejected else "accepted",
        "outcome": None,
        "rejection_reason": payload.get("rejection_reason"),
        "failure_id": None,
        "accepted_at": None if rejected else at,
        "rejected_at": at if rejected else None,
        "closed_at": at if rejected else None,
        "result_codec": None,
        "result": None,
    }


def _progress(event: Event) -> dict[str, Any]:
    """What becomes of an accepted update: applied, then completed; or failed."""
    payload = event["payload"]
    if event["type"] == "UpdateApplied":
        return {"applied_at": event["recorded_at"]}
    failed = any(payload.get(name) for name in ("failure_id", "terminal_reason", "message"))
    result = payload.get("result")
    return {
        "status": "failed" if failed else "completed",
        "outcome": "update_failed" if failed else "update_completed",
        "failure_id": payload.get("failure_id"),
        "workflow_sequence": payload.get("sequence"),
        "closed_at": event["recorded_at"],
        "result": result,
        "result_codec": None if result is None else payload.get("payload_codec"),
    }


def _message(payload: dict[str, Any], event: Event) -> dict[str, Any]:
    """What signals and updates have alike."""
    command = payload.get("command") or {}
    return {
        "command_id": event["workflow_command_id"],
        "command_sequence": command.get("sequence"),
        "workflow_sequence": None,
        **{name: command.get(name) for name in _TARGET},
        "rejection_reason": None,
        "validation_errors": {},
        "applied_at": None,
        "rejected_at": None,
        "closed_at": None,
        "payload_codec": payload.get("payload_codec"),
        "arguments": _arguments(payload),
    }


def _arguments(payload: dict[str, Any]) -> Any:
    """The arguments of a message: a blob, or the reference to one that is kept elsewhere."""
    value = payload.get("arguments")
    return value.get("blob", value) if isinstance(value, dict) else value
