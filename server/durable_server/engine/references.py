"""References to payloads that are kept outside: which ones a blob or an event names."""

from collections.abc import Iterator
from typing import Any

import orjson

from durable_server import payloads
from durable_server.engine.run_state import Payload

_NAMED = '"external_storage"'


def uri_of_blob(blob: str | None) -> str | None:
    """The object that a stored blob stands for, or None when it is the payload itself."""
    if blob is None or not payloads.is_reference(blob):
        return None
    reference = payloads.to_envelope(Payload("", blob))["external_storage"]
    uri = reference.get("uri") if isinstance(reference, dict) else None
    return uri if isinstance(uri, str) else None


def uris_of_event(payload: str) -> set[str]:
    """The objects that an event's payload (JSON text) names, at any depth."""
    return set(_uris(orjson.loads(payload))) if _NAMED in payload else set()


def _uris(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _uris(item)
    elif isinstance(value, dict):
        reference = value.get("external_storage")
        if isinstance(reference, dict) and isinstance(reference.get("uri"), str):
            yield reference["uri"]
        for item in value.values():
            yield from _uris(item)
