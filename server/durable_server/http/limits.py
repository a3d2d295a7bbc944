"""What a request body may be: JSON within bounds of size, depth, keys and numbers."""

import json
import math
from typing import Any

import orjson

from durable_server.refusal import Refusal

DEPTH_MAX = 64
KEYS_MAX = 50_000
INTEGER_MAX = 2**64 - 1
INTEGER_MIN = -(2**63)
_HOLDERS = frozenset({dict, list})
_NOT_FLAT = frozenset({dict, list, float})
ACCEPTED_TYPES = ["application/json", "application/*+json"]


def check_media_type(content_type: str) -> None:
    """Refuse a body that does not say it is JSON."""
    if content_type == "application/json":
        return
    kind = content_type.partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise Refusal("unsupported_media_type", accepted_content_types=ACCEPTED_TYPES)


def parse(body: bytes) -> Any:
    """The value of a JSON text, or a refusal that says what is wrong with it."""
    try:
        value = orjson.loads(body)
    except ValueError as error:
        raise _malformed(str(error)) from None
    keys, exact = (len(value), True) if _is_flat(value) else _measure(value)
    # Every member has a colon; as many colons as members means no member was written twice, and
    # that is the cheap proof. Colons inside strings make the slow one necessary.
    if not exact or body.count(b":") != keys:
        _check_slowly(body)
    return value


def _is_flat(value: Any) -> bool:
    """Whether this is an object of nothing but texts, integers and the like, as most bodies are."""
    return (
        type(value) is dict
        and len(value) <= KEYS_MAX
        and _NOT_FLAT.isdisjoint(map(type, value.values()))
    )


def _measure(value: Any) -> tuple[int, bool]:
    """How many members there are, and whether every number was surely kept exactly."""
    keys, exact, depth = 0, True, 0
    level: list[Any] = [[value]]
    while level:
        below: list[Any] = []
        for each in level:
            if type(each) is dict:
                keys += len(each)
                each = each.values()
            below.extend([inner for inner in each if type(inner) in _HOLDERS])
            numbers = [inner for inner in each if type(inner) is float]
            exact = exact and all(map(_is_exact, numbers))
        depth += bool(below)
        if depth > DEPTH_MAX:
            raise _malformed(f"more than {DEPTH_MAX} levels")
        if keys > KEYS_MAX:
            raise _malformed(f"more than {KEYS_MAX} keys")
        level = below
    return keys, exact


def _is_exact(number: float) -> bool:
    """Whether a number was surely not an integer that is too large to be kept."""
    if not math.isfinite(number):
        raise _malformed("a number is out of range")
    return abs(number) < 2**53


def _check_slowly(body: bytes) -> None:
    try:
        json.loads(body, object_pairs_hook=_once, parse_int=_integer)
    except (ValueError, RecursionError) as error:
        raise _malformed(str(error)) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _malformed("a key is repeated")
    return found


def _integer(text: str) -> int:
    if len(text) > 21 or not INTEGER_MIN <= int(text) <= INTEGER_MAX:
        raise _malformed("a number is out of range")
    return int(text)


def _malformed(detail: str) -> Refusal:
    return Refusal("malformed_json", json_error=detail)
