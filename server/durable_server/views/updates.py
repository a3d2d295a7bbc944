"""Updates as clients are shown them."""

from typing import Any, NamedTuple

import orjson

from durable_server import payloads
from durable_server.clock import to_micro_text
from durable_server.engine.run_state import Payload
from durable_server.engine.update import OUTCOMES, Receipt
from durable_server.engine.update_events import UNJUDGED


class Wait(NamedTuple):
    """What a client waits for; `seconds` is None unless for completion."""

    stage: str
    seconds: int | None


def shown(receipt: Receipt, wait: Wait) -> dict[str, Any]:
    """Everything that a client is told of its update."""
    update = receipt.update
    failure = orjson.loads(update.failure) if update.failure else {}
    rejected = update.status == "rejected"
    reason = failure["reason"] if update.status in ("rejected", UNJUDGED) else None
    completed = update.status == "completed"
    result = None
    if update.result is not None and update.result_codec is not None:
        result = Payload(update.result_codec, update.result)
    closed_at = _micro(update.closed_at)
    body = {
        "workflow_id": update.workflow_id,
        "run_id": update.run_id,
        "requested_run_id": None,
        "resolved_run_id": update.run_id,
        "command_id": update.command_id,
        "command_sequence": update.command_sequence,
        "target_scope": "instance",
        "workflow_type": receipt.workflow_type,
        "command_status": "rejected" if rejected else "accepted",
        "command_source": "control_plane",
        "outcome": OUTCOMES.get(reason or f"update_{update.status}"),
        "reason": reason,
        "rejection_reason": reason,
        "validation_errors": failure.get("errors", {}) if rejected else {},
        "update_id": update.update_id,
        "update_name": update.name,
        "update_status": update.status,
        "workflow_sequence": update.step,
        "result": payloads.decode(result),
        "result_envelope": None if result is None else payloads.to_envelope(result),
        "failure_id": failure.get("failure_id"),
        "failure_message": failure.get("message"),
        "accepted_at": None if rejected else to_micro_text(update.accepted_at),
        "applied_at": closed_at if completed else None,
        "rejected_at": closed_at if rejected else None,
        "closed_at": closed_at,
        "wait_for": wait.stage,
        "wait_timed_out": wait.stage == "completed" and update.status == "accepted",
        "wait_timeout_seconds": wait.seconds,
    }
    if update.request_id is not None:
        body |= {"request_id": update.request_id, "retained": receipt.retained}
    return body


def _micro(instant: int | None) -> str | None:
    return None if instant is None else to_micro_text(instant)
