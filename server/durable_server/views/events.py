"""History events as workers and clients are shown them; payloads pass through as stored."""

import base64
import gzip
import zlib
from collections.abc import Sequence
from typing import Any

import orjson

from durable_server import payloads
from durable_server.clock import to_micro_text
from durable_server.engine.run_state import Event, Payload, Run

COMPRESSED_FROM = 50
_TOLD = frozenset({"SignalReceived", "UpdateAccepted", "UpdateRejected"})
_PLAIN = f'"payload_codec":"{payloads.PLAIN}"'


def for_worker(event: Event, namespace: str, framing: str | None = None) -> dict[str, Any]:
    """An event on the worker plane; `framing` is that of the run's plain values."""
    return {
        "id": event.event_id,
        "sequence": event.sequence,
        "event_type": event.event_type,
        "namespace": namespace,
        "payload": _worker_payload(event, framing),
        "workflow_task_id": event.task_id,
        "workflow_command_id": event.command_id,
        "recorded_at": to_micro_text(event.recorded_at),
    }


def for_client(event: Event) -> dict[str, Any]:
    """An event on the control plane."""
    return {
        "sequence": event.sequence,
        "event_type": event.event_type,
        "timestamp": to_micro_text(event.recorded_at),
        "payload": _client_payload(event),
    }


def for_export(event: Event, framing: str | None) -> dict[str, Any]:
    """An event in a bundle, under both names that readers of bundles know its type by."""
    payload = _worker_payload(event, framing)
    return {
        "id": event.event_id,
        "sequence": event.sequence,
        "type": event.event_type,
        "event_type": event.event_type,
        "workflow_task_id": event.task_id,
        "workflow_command_id": event.command_id,
        "recorded_at": to_micro_text(event.recorded_at),
        "payload": payload if isinstance(payload, dict) else orjson.loads(event.payload),
    }


def _worker_payload(event: Event, framing: str | None) -> Any:
    """The payload; plain arguments that came before any worker of the run are encoded for it."""
    if event.event_type in _TOLD and _PLAIN in event.payload:
        payload = orjson.loads(event.payload)
        if payload.get("payload_codec") == payloads.PLAIN:
            return {**payload, **_encoded(payload["arguments"], framing)}
    return orjson.Fragment(event.payload)


def _encoded(arguments: Any, framing: str | None) -> dict[str, Any]:
    """Plain arguments as the workers of the run read them: an envelope stays one, a blob a blob."""
    if isinstance(arguments, str):
        shown = payloads.render(Payload(payloads.PLAIN, arguments), framing)
        return {"arguments": shown.blob, "payload_codec": shown.codec}
    shown = payloads.render(payloads.from_envelope(arguments), framing)
    return {"arguments": payloads.to_envelope(shown), "payload_codec": shown.codec}


def _client_payload(event: Event) -> Any:
    """The payload; a result in the wrapper framing becomes the JSON text it wraps.

    The oldest SDK reads results of workflows as JSON text whatever their codec says, and every
    release that writes the wrapper framing reads JSON text too.
    """
    if event.event_type == "WorkflowCompleted" and '"output":"A' in event.payload:
        payload = orjson.loads(event.payload)
        text = payloads.json_text_of_wrapper(payload["output"])
        if text is not None:
            return {**payload, "output": text, "payload_codec": "json"}
    return _worker_payload(event, "json")


def page_token(sequence: int) -> str:
    """The token of the page that follows this event."""
    return base64.b64encode(str(sequence).encode()).decode()


def sequence_of(token: str) -> int | None:
    """The event that a page token points behind, or None when it is none of ours."""
    try:
        text = base64.b64decode(token, validate=True).decode("ascii")
    except ValueError:
        return None
    return int(text) if text.isdigit() and len(text) < 16 else None


def history_fields(
    events: Sequence[Event], run: Run, accepted_encodings: str | None
) -> dict[str, Any]:
    """`history_events`, compressed when there are many and the worker accepts it."""
    shown = [for_worker(event, run.namespace, run.framing) for event in events]
    encoding = _encoding(accepted_encodings) if len(shown) >= COMPRESSED_FROM else None
    if encoding is None:
        return {"history_events": shown}
    return {
        "history_events": [],
        "history_events_compressed": _compressed(orjson.dumps(shown), encoding),
        "history_events_encoding": encoding,
    }


def _encoding(accepted: str | None) -> str | None:
    names = {name.split(";")[0].strip().lower() for name in (accepted or "").split(",")}
    return next((name for name in ("gzip", "deflate") if name in names), None)


def _compressed(data: bytes, encoding: str) -> str:
    if encoding == "gzip":
        return base64.b64encode(gzip.compress(data, 6, mtime=0)).decode()
    packer = zlib.compressobj(6, wbits=-15)
    return base64.b64encode(packer.compress(data) + packer.flush()).decode()
