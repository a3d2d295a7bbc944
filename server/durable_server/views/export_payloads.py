"""What a bundle says of the payloads in it: where each one is, its codec, its framing."""

import base64
from collections.abc import Iterator
from typing import Any, NamedTuple

from durable_server import payloads
from durable_server.engine.run_state import Payload

_UNKNOWN = (None, None, None)
_ENCODINGS = {"avro": "base64-avro-binary"}
# Enough of a blob to know its framing by: 16 letters are 12 bytes.
_PREFIX_LETTERS = 16


class Place(NamedTuple):
    """A payload of a bundle: where it is, what codec it has, and what stands there."""

    path: str
    codec: str
    value: Any


def part(payload: Payload | None, framing: str | None) -> dict[str, Any]:
    """Arguments or output of a run, as its workers read them."""
    if payload is None:
        return {"available": False, "codec": None, "data": None}
    shown = payloads.render(payload, framing)
    return {"available": True, "codec": shown.codec, "data": payloads.in_event(shown)}


def manifest(bundle: dict[str, Any]) -> dict[str, Any]:
    """One entry for every payload, in the order in which they stand in the bundle."""
    return {"version": 1, "entries": [_entry(place) for place in places(bundle)]}


def codec_schemas(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """How the codecs that the bundle uses are read; only Avro needs to be told."""
    if not any(entry["codec"] == "avro" for entry in entries):
        return {}
    wrapper = {
        "prefix_hex": "00",
        "writer_schema": payloads.WRAPPER_SCHEMA_TEXT,
        "writer_schema_fingerprint": payloads.WRAPPER_FINGERPRINT,
    }
    single = {
        "magic_hex": "c301",
        "current_fingerprint": payloads.VALUE_FINGERPRINT,
        "writer_schemas": {payloads.VALUE_FINGERPRINT: payloads.VALUE_SCHEMA_TEXT},
    }
    return {
        "avro": {
            "encoding": _ENCODINGS["avro"],
            "wrapper_schema": payloads.WRAPPER_SCHEMA_TEXT,
            "wrapper_prefix_hex": "00",
            "generic_wrapper": wrapper,
            "single_object": single,
        }
    }


def places(bundle: dict[str, Any]) -> Iterator[Place]:
    """Where payloads stand."""
    told = bundle["payloads"]
    for name in ("arguments", "output"):
        codec = told[name]["codec"] or told["codec"]
        yield Place(f"payloads.{name}.data", codec, told[name]["data"])
    for section, names in _SECTIONS.items():
        yield from _in_section(section, names, bundle[section])
    yield from _in_events(bundle["history_events"])


_SECTIONS = {
    "commands": ("payload",),
    "signals": ("arguments",),
    "updates": ("arguments", "result"),
    "activities": ("arguments", "result"),
}


def _in_section(
    section: str, names: tuple[str, ...], items: list[dict[str, Any]]
) -> Iterator[Place]:
    for number, item in enumerate(items):
        for name in names:
            codec = item["result_codec" if name == "result" else "payload_codec"]
            if item[name] is not None:
                yield Place(f"{section}.{number}.{name}", codec, item[name])


_IN_EVENTS = {"WorkflowCompleted": ("output",), "ChildRunCompleted": ("output", "result")}


def _in_events(events: list[dict[str, Any]]) -> Iterator[Place]:
    for number, event in enumerate(events):
        payload = event["payload"]
        for name in _IN_EVENTS.get(event["type"], ()):
            if payload.get(name) is not None and payload.get("payload_codec"):
                path = f"history_events.{number}.payload.{name}"
                yield Place(path, payload["payload_codec"], payload[name])


def _entry(place: Place) -> dict[str, Any]:
    here = isinstance(place.value, str)
    framing, prefix, fingerprint = _framing(place) if here else _UNKNOWN
    return {
        "path": place.path,
        "codec": place.codec,
        "available": here,
        "redacted": False,
        "encoding": _ENCODINGS.get(place.codec, "opaque-string"),
        "avro_framing": framing,
        "avro_prefix_hex": prefix,
        # Verifiers of two generations want fingerprints of different kinds beside a schema, so
        # that it stands in `codec_schemas` alone.
        "writer_schema": None,
        "writer_schema_fingerprint": fingerprint,
        "diagnostic": None if here else "payload_unavailable",
    }


def _framing(place: Place) -> tuple[str | None, str | None, str | None]:
    """How an Avro blob is framed, told from its first bytes."""
    if place.codec != "avro":
        return _UNKNOWN
    try:
        head = base64.b64decode(place.value[:_PREFIX_LETTERS], validate=True)
    except ValueError:
        return "unknown", None, None
    if head.startswith(payloads.SINGLE_OBJECT):
        return "single_object", "c301", payloads.VALUE_FINGERPRINT
    if head[:1] == b"\x00":
        return "generic_wrapper", "00", payloads.WRAPPER_FINGERPRINT
    return "unknown", head[:1].hex() or None, None
