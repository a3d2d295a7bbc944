"""Values as workers read and write them: JSON, or Avro in one of its two framings."""

import base64
import io
import json
import struct
from typing import Any

import fastavro

SINGLE_OBJECT = bytes.fromhex("c301e2a33dff55802237")
_SPACE = "durable_workflow.protocol"


def _branch(name: str, field: str, kind: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": [{"name": field, "type": kind}]}


# The value framing that the published contract names by its fingerprint.
_VALUE = fastavro.parse_schema(
    {
        "type": "record",
        "name": "Value",
        "namespace": _SPACE,
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
)
_WRAPPER = fastavro.parse_schema(
    {
        "type": "record",
        "name": "Payload",
        "namespace": "durable_workflow",
        "fields": [
            {"name": "json", "type": "string"},
            {"name": "version", "type": "int", "default": 1},
        ],
    }
)
_UNREADABLE = (ValueError, KeyError, EOFError, IndexError, TypeError, struct.error)


class Unreadable(Exception):
    """A payload that its codec does not fit."""


def encode(value: Any, codec: str) -> str:
    """The blob of a value."""
    if codec == "json":
        return json.dumps(value, ensure_ascii=False)
    out = io.BytesIO()
    out.write(SINGLE_OBJECT)
    fastavro.schemaless_writer(out, _VALUE, _packed(value))
    return base64.b64encode(out.getvalue()).decode()


def envelope(value: Any, codec: str) -> dict[str, str]:
    """A value with its codec."""
    return {"codec": codec, "blob": encode(value, codec)}


def is_envelope(value: Any) -> bool:
    """Whether a JSON value is the envelope of a payload."""
    return isinstance(value, dict) and set(value) == {"codec", "blob"}


def decode(blob: Any, codec: str) -> Any:
    """The value of a blob; Unreadable when it is none of its codec."""
    try:
        if codec == "json":
            return json.loads(blob)
        data = base64.b64decode(blob, validate=True)
        if data.startswith(SINGLE_OBJECT):
            rest = io.BytesIO(data[len(SINGLE_OBJECT) :])
            return _unpacked(fastavro.schemaless_reader(rest, _VALUE, None))
        record: Any = fastavro.schemaless_reader(io.BytesIO(data[1:]), _WRAPPER, None)
        return json.loads(record["json"])
    except _UNREADABLE as problem:
        raise Unreadable(f"no value in codec {codec}: {problem}") from problem


def opened(value: Any) -> Any:
    """The value of an envelope; what is none, as it is."""
    return decode(value["blob"], value["codec"]) if is_envelope(value) else value


def _packed(value: Any) -> dict[str, Any]:
    if value is None:
        return {"value": None}
    for kind, name, field in (
        (bool, "BooleanValue", "boolean"),
        (int, "LongValue", "long"),
        (float, "DoubleValue", "double"),
        (str, "StringValue", "string"),
    ):
        if isinstance(value, kind):
            return {"value": (f"{_SPACE}.{name}", {field: value})}
    if isinstance(value, list):
        items = [_packed(item) for item in value]
        return {"value": (f"{_SPACE}.ArrayValue", {"items": items})}
    entries = {key: _packed(item) for key, item in value.items()}
    return {"value": (f"{_SPACE}.MapValue", {"entries": entries})}


def _unpacked(node: Any) -> Any:
    value = node["value"]
    if value is None:
        return None
    if "items" in value:
        return [_unpacked(item) for item in value["items"]]
    if "entries" in value:
        return {key: _unpacked(item) for key, item in value["entries"].items()}
    return next(iter(value.values()))
