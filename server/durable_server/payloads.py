"""How user values travel: envelopes in and out, and the codecs of values the server encodes itself.

Everything that arrives encoded stays byte for byte as it came. Only plain JSON values that arrive
without an envelope are encoded here, once, and only values shown to people are decoded.
"""

import base64
import hashlib
import io
import re
import struct
from typing import Any, TypeGuard

import fastavro
import orjson

from durable_server.engine.run_state import Payload

KNOWN_CODECS = ("avro", "json")
PLAIN = "plain"
EMPTY_ARGUMENTS = Payload(PLAIN, "[]")

_EXTERNAL_PREFIX = "dw-external-payload:v1:"
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
REFERENCE_SCHEMA = "durable-workflow.v2.external-payload-reference.v1"
_REFERENCE_TEXTS = {
    "schema": "Unsupported external payload reference schema.",
    "uri": "The external payload reference URI must be a non-empty string.",
    "sha256": "The external payload reference sha256 must be a hex digest.",
    "size_bytes": "The external payload reference size_bytes must be a non-negative integer.",
    "codec": "The external payload reference codec must be a non-empty string.",
}
_ENVELOPE_KEYS = ({"codec", "blob"}, {"codec", "external_storage"})
SINGLE_OBJECT = bytes.fromhex("c301e2a33dff55802237")
_NAMESPACE = "durable_workflow.protocol"


def _branch(name: str, field: str, kind: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": [{"name": field, "type": kind}]}


_VALUE: dict[str, Any] = {
    "type": "record",
    "name": "Value",
    "namespace": _NAMESPACE,
    "fields": [
        {
            "name": "value",
            "type": [
                "null",
                _branch("BooleanValue", "boolean", "boolean"),
                _branch("LongValue", "long", "long"),
                _branch("DoubleValue", "double", "double"),
                _branch("BytesValue", "bytes", "bytes"),
                _branch("StringValue", "string", "string"),
                _branch("ArrayValue", "items", {"type": "array", "items": "Value"}),
                _branch("MapValue", "entries", {"type": "map", "values": "Value"}),
            ],
        }
    ],
}
_WRAPPER: dict[str, Any] = {
    "type": "record",
    "name": "Payload",
    "namespace": "durable_workflow",
    "fields": [
        {"name": "json", "type": "string"},
        {"name": "version", "type": "int", "default": 1},
    ],
}
# The schemas as bundles tell them, each with the fingerprint that its framing goes by.
VALUE_SCHEMA_TEXT = orjson.dumps(_VALUE).decode()
VALUE_FINGERPRINT = f"crc64-avro:{SINGLE_OBJECT[2:].hex()}"
WRAPPER_SCHEMA_TEXT = orjson.dumps(_WRAPPER).decode()
WRAPPER_FINGERPRINT = f"sha256:{hashlib.sha256(WRAPPER_SCHEMA_TEXT.encode()).hexdigest()}"
_VALUE_SCHEMA = fastavro.parse_schema(_VALUE)
_WRAPPER_SCHEMA = fastavro.parse_schema(_WRAPPER)


def is_envelope(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a JSON value has exactly the keys of an envelope, and so is one."""
    return isinstance(value, dict) and len(value) == 2 and set(value) in _ENVELOPE_KEYS


def is_reference(blob: str) -> bool:
    """Whether a stored blob stands for a payload that is kept outside."""
    return blob.startswith(_EXTERNAL_PREFIX)


def envelope_errors(value: dict[str, Any], field: str) -> dict[str, list[str]]:
    """What is wrong with an envelope, by dotted field path; empty when nothing is."""
    codec = value["codec"]
    if not isinstance(codec, str) or not codec:
        return {f"{field}.codec": ["The payload envelope codec must be a non-empty string."]}
    if codec not in KNOWN_CODECS:
        known = ", ".join(KNOWN_CODECS)
        return {f"{field}.codec": [f'Unknown payload codec "{codec}". Known codecs: {known}.']}
    if "external_storage" in value:
        reference = value["external_storage"]
        if not isinstance(reference, dict):
            text = "The external payload reference must be an object."
            return {f"{field}.external_storage": [text]}
        if reference.get("codec", codec) != codec:
            text = "The external payload reference codec must match the payload envelope codec."
            return {f"{field}.external_storage.codec": [text]}
        return _reference_errors(reference, f"{field}.external_storage")
    if not isinstance(value["blob"], str):
        return {f"{field}.blob": ["The payload envelope blob must be a string."]}
    return {}


def _reference_errors(reference: dict[str, Any], field: str) -> dict[str, list[str]]:
    """What is wrong with a storage reference, by dotted field path."""
    uri, digest, size = (reference.get(name) for name in ("uri", "sha256", "size_bytes"))
    codec = reference.get("codec")
    texts = {
        "schema": reference.get("schema") == REFERENCE_SCHEMA,
        "uri": isinstance(uri, str) and bool(uri.strip()),
        "sha256": isinstance(digest, str) and _DIGEST.fullmatch(digest) is not None,
        "size_bytes": isinstance(size, int) and not isinstance(size, bool) and size >= 0,
        "codec": isinstance(codec, str) and bool(codec),
    }
    return {f"{field}.{name}": [_REFERENCE_TEXTS[name]] for name, good in texts.items() if not good}


def from_envelope(value: dict[str, Any]) -> Payload:
    """The payload of a correct envelope; a storage reference is kept as a marked blob."""
    if "blob" in value:
        return Payload(value["codec"], value["blob"])
    return Payload(
        value["codec"], _EXTERNAL_PREFIX + base64.b64encode(orjson.dumps(value)).decode()
    )


def plain(value: Any) -> Payload:
    """A JSON value that has not been encoded yet."""
    return Payload(PLAIN, orjson.dumps(value).decode())


def to_envelope(payload: Payload) -> dict[str, Any]:
    """The envelope of an encoded payload."""
    if is_reference(payload.blob):
        reference = base64.b64decode(payload.blob[len(_EXTERNAL_PREFIX) :])
        envelope: dict[str, Any] = orjson.loads(reference)
        return envelope
    return {"codec": payload.codec, "blob": payload.blob}


def arguments_of(given: Any) -> Payload:
    """The arguments that a client gave: an envelope as it came, or plain values in order."""
    if is_envelope(given):
        return from_envelope(given)
    if not given:
        return EMPTY_ARGUMENTS
    return plain([*given.values()] if isinstance(given, dict) else given)


def in_event(payload: Payload) -> Any:
    """An encoded payload as events tell it, beside its codec: a blob, or a whole reference."""
    return to_envelope(payload) if is_reference(payload.blob) else payload.blob


def render(payload: Payload, framing: str | None) -> Payload:
    """The payload as its reader understands it: plain values are encoded in `framing`."""
    if payload.codec != PLAIN:
        return payload
    if framing == "json":
        return Payload("json", payload.blob)
    return Payload("avro", encode_avro(orjson.loads(payload.blob)))


def encode_avro(value: Any) -> str:
    """A JSON value in the value framing that SDKs from 2.0 on read."""
    out = io.BytesIO()
    out.write(SINGLE_OBJECT)
    fastavro.schemaless_writer(out, _VALUE_SCHEMA, _to_branch(value))
    return base64.b64encode(out.getvalue()).decode()


def decode(payload: Payload | None) -> Any:
    """The value for display, or None when there is none or nobody here can read it."""
    if payload is None:
        return None
    try:
        if payload.codec in (PLAIN, "json"):
            return orjson.loads(payload.blob)
        return _decode_avro(base64.b64decode(payload.blob, validate=True))
    except (ValueError, KeyError, EOFError, IndexError, TypeError, struct.error, RecursionError):
        return None


def json_text_of_wrapper(blob: str) -> str | None:
    """The JSON text inside the wrapper framing that SDKs before 2.0 write, or None."""
    if not blob.startswith("A"):
        return None
    try:
        data = base64.b64decode(blob, validate=True)
        return _wrapped_json(data) if data[:1] == b"\x00" else None
    except (ValueError, EOFError, IndexError, struct.error):
        return None


def _decode_avro(data: bytes) -> Any:
    if data.startswith(SINGLE_OBJECT):
        stream = io.BytesIO(data[len(SINGLE_OBJECT) :])
        return _from_branch(fastavro.schemaless_reader(stream, _VALUE_SCHEMA, None))
    if data[:1] == b"\x00":
        return orjson.loads(_wrapped_json(data))
    return None


def _wrapped_json(data: bytes) -> str:
    record: Any = fastavro.schemaless_reader(io.BytesIO(data[1:]), _WRAPPER_SCHEMA, None)
    text: str = record["json"]
    return text


def _to_branch(value: Any) -> dict[str, Any]:
    if value is None:
        return {"value": None}
    if isinstance(value, bool):
        return {"value": (f"{_NAMESPACE}.BooleanValue", {"boolean": value})}
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return {"value": (f"{_NAMESPACE}.LongValue", {"long": value})}
    if isinstance(value, int | float):
        return {"value": (f"{_NAMESPACE}.DoubleValue", {"double": float(value)})}
    if isinstance(value, str):
        return {"value": (f"{_NAMESPACE}.StringValue", {"string": value})}
    if isinstance(value, list):
        items = [_to_branch(item) for item in value]
        return {"value": (f"{_NAMESPACE}.ArrayValue", {"items": items})}
    entries = {key: _to_branch(item) for key, item in value.items()}
    return {"value": (f"{_NAMESPACE}.MapValue", {"entries": entries})}


def _from_branch(node: Any) -> Any:
    value = node["value"]
    if value is None:
        return None
    if "items" in value:
        return [_from_branch(item) for item in value["items"]]
    if "entries" in value:
        return {key: _from_branch(item) for key, item in value["entries"].items()}
    if "bytes" in value:
        return base64.b64encode(value["bytes"]).decode()
    return next(iter(value.values()))
