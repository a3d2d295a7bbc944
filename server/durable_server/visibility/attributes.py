"""Search attributes: those that every run has, the types, and values of a type."""

import re
from typing import Any

from durable_server.clock import SECOND, instant_of
from durable_server.visibility.terms import Attribute

TYPES = ("keyword", "text", "int", "double", "bool", "datetime", "keyword_list")
TEXTS = frozenset({"keyword", "text", "keyword_list"})
# What clients are shown of the system's own types.
SHOWN = {"status": "keyword", "bucket": "keyword", "duration": "double"}
_SYSTEM = {
    "WorkflowType": "keyword",
    "WorkflowId": "keyword",
    "RunId": "keyword",
    "Status": "status",
    "StartTime": "datetime",
    "CloseTime": "datetime",
    "TaskQueue": "keyword",
    "BuildId": "keyword",
    "StatusBucket": "bucket",
    "ClosedReason": "keyword",
    "BusinessKey": "keyword",
    "RunNumber": "int",
    "HistoryLength": "int",
    "HistoryBytes": "int",
    "ExecutionDuration": "duration",
}
SYSTEM = {name: Attribute(name, kind, False) for name, kind in _SYSTEM.items()}
BUCKETS = {
    "running": ("pending", "waiting"),
    "completed": ("completed",),
    "failed": ("failed", "cancelled", "terminated"),
}
STATUSES = tuple(status for each in BUCKETS.values() for status in each)
WHOLE_MAX = 2**63 - 1
_DURATION = re.compile(r"(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9.]+)s)?")


def shown_type(attribute: Attribute) -> str:
    """The type of an attribute as clients are shown it."""
    return SHOWN.get(attribute.type, attribute.type)


def value_of(kind: str, literal: Any) -> Any:
    """A literal as a value of this type; ValueError, with a text for the caller, when it is none.

    Statuses become a tuple of those that are meant; instants and durations are microseconds.
    """
    return _READERS[kind](literal)


def _text(literal: Any) -> str:
    if not isinstance(literal, str):
        raise ValueError("takes a text in quotes")
    return literal


def _whole(literal: Any) -> int:
    if isinstance(literal, bool) or not isinstance(literal, int):
        raise ValueError("takes a whole number without quotes")
    if not -WHOLE_MAX - 1 <= literal <= WHOLE_MAX:
        raise ValueError("takes whole numbers of 64 bits")
    return literal


def _number(literal: Any) -> float:
    if isinstance(literal, bool) or not isinstance(literal, int | float):
        raise ValueError("takes a number without quotes")
    try:
        number = float(literal)
    except OverflowError:
        number = float("inf")
    if number in (float("inf"), float("-inf")):
        raise ValueError("takes numbers that a double can hold")
    return number


def _flag(literal: Any) -> str:
    if not isinstance(literal, bool):
        raise ValueError("takes true or false")
    return "true" if literal else "false"


def _instant(literal: Any) -> int:
    instant = instant_of(literal) if isinstance(literal, str) else None
    if instant is None:
        raise ValueError("takes an ISO 8601 instant in quotes, such as '2026-04-25T07:28:58Z'")
    return instant


def _status(literal: Any) -> tuple[str, ...]:
    word = literal.lower() if isinstance(literal, str) else ""
    if word == "running":
        return BUCKETS["running"]
    if word not in STATUSES:
        raise ValueError(f"is one of running, {', '.join(STATUSES)}, in quotes")
    return (word,)


def _bucket(literal: Any) -> tuple[str, ...]:
    word = literal.lower() if isinstance(literal, str) else ""
    if word not in BUCKETS:
        raise ValueError(f"is one of {', '.join(BUCKETS)}, in quotes")
    return BUCKETS[word]


def _duration(literal: Any) -> int:
    if isinstance(literal, str):
        found = _DURATION.fullmatch(literal)
        if found is None or not any(found.groups()):
            raise ValueError("takes seconds, or a text such as '1h30m'")
        days, hours, minutes = (int(each or 0) for each in found.groups()[:3])
        literal = days * 86_400 + hours * 3_600 + minutes * 60 + _seconds(found[4])
    micros = _number(literal) * SECOND
    if not -WHOLE_MAX <= micros <= WHOLE_MAX:
        raise ValueError("takes at most 292,000 years")
    return round(micros)


def _seconds(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        raise ValueError("takes seconds, or a text such as '1h30m'") from None


_READERS = {
    **dict.fromkeys(TEXTS, _text),
    "int": _whole,
    "double": _number,
    "bool": _flag,
    "datetime": _instant,
    "status": _status,
    "bucket": _bucket,
    "duration": _duration,
}
