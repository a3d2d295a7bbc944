"""Where a request stands in the trace of its caller: read, checked as W3C wants it, and shown.

Kept as a JSON text, the carrier: `traceparent`, with `tracestate` and `baggage` where they were
sent. What is not valid is left out and refuses nothing: a trace is never worth a request.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

SCHEMA, LINKS_SCHEMA = "durable-workflow.trace-context", "durable-workflow.trace-links"
LENGTHS_MAX = {"traceparent": 256, "tracestate": 512, "baggage": 2048}
TEXT_BYTES_MAX = 4000
MEMBERS_MAX = 32
_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_KEY = r"[a-z0-9][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13}"
_VALUE = r"[ -+\--<>-~]{0,255}[!-+\--<>-~]"
_MEMBER = re.compile(f"({_KEY})=({_VALUE})", re.ASCII)
_PRINTED = re.compile(r"[ -~]+", re.ASCII)


def of_headers(headers: Mapping[bytes, bytes]) -> str | None:
    """The context that the headers of a request carry."""
    parent, state = headers.get(b"traceparent", b""), headers.get(b"tracestate", b"")
    return carrier(parent.decode("latin-1").strip(), state.decode("latin-1"))


def of_body(given: Any) -> str | None:
    """The context that an SDK sends as `observability_context`; the carrier may also come bare."""
    if not isinstance(given, dict):
        return None
    fields = given.get("carrier", given)
    if not isinstance(fields, dict):
        return None
    return carrier(*(fields.get(name) for name in LENGTHS_MAX))


def carrier(parent: Any, state: Any = None, baggage: Any = None) -> str | None:
    """The text of a context; None when `parent` is not a valid traceparent."""
    shown = _parent(parent)
    if shown is None:
        return None
    fields = {"traceparent": shown, "tracestate": _state(state), "baggage": _baggage(baggage)}
    text = orjson.dumps({name: value for name, value in fields.items() if value})
    return text.decode() if len(text) <= TEXT_BYTES_MAX else None


def fields_of(text: str) -> dict[str, str]:
    """The header fields of a context that is kept."""
    fields: dict[str, str] = orjson.loads(text)
    return fields


def shown(text: str | None) -> dict[str, Any]:
    """What a task tells its worker: `observability_context`, or nothing."""
    return {} if text is None else {"observability_context": enveloped(text)}


def enveloped(text: str) -> dict[str, Any]:
    """A context in the envelope that SDKs read."""
    return {"schema": SCHEMA, "version": 1, "carrier": orjson.Fragment(text)}


def link(task_id: str, run_id: str, namespace: str, command_id: Any, text: str) -> dict[str, Any]:
    """What a task tells of the request that brought it about, which has a trace of its own."""
    fields = {name: value for name, value in fields_of(text).items() if name != "baggage"}
    context = {"schema": SCHEMA, "version": 1, "carrier": fields}
    return {
        "observability_links": {
            "schema": LINKS_SCHEMA,
            "version": 1,
            "task_id": task_id,
            "run_id": run_id,
            "namespace": namespace,
            "links": [{"kind": "command", "command_id": command_id, "context": context}],
        }
    }


def _parent(given: Any) -> str | None:
    if not isinstance(given, str) or len(given) > LENGTHS_MAX["traceparent"]:
        return None
    found = _PARENT.fullmatch(given)
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or not (trace_id.strip("0")):
        return None
    # What a later version adds is not known here, so it is handed on as the version that is.
    return f"00-{trace_id}-{span_id}-{flags}" if span_id.strip("0") else None


def _state(given: Any) -> str | None:
    if not isinstance(given, str) or len(given) > LENGTHS_MAX["tracestate"]:
        return None
    members = [each.strip(" \t") for each in given.split(",")]
    found = [_MEMBER.fullmatch(each) for each in members if each]
    keys = {each.group(1) for each in found if each is not None}
    return given.strip() if len(keys) == len(found) <= MEMBERS_MAX and found else None


def _baggage(given: Any) -> str | None:
    fits = isinstance(given, str) and len(given) <= LENGTHS_MAX["baggage"]
    return given if fits and _PRINTED.fullmatch(given) else None
