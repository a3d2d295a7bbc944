"""Queries as values of the tests' own: how they are written, and what they find in a list of runs.

Shares nothing with the server: this is what documentation says, said once more.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BUCKETS = {
    "running": ("pending", "waiting"),
    "completed": ("completed",),
    "failed": ("failed", "cancelled", "terminated"),
}


@dataclass(frozen=True)
class Seen:
    """A run as a list shows it, and the attributes that it was started with."""

    shown: dict[str, Any]
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Says:
    """A predicate: name, operator in capitals, values of Python."""

    name: str
    operator: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Joined:
    """Parts between AND or OR; one part behind NOT."""

    word: str
    parts: tuple[Any, ...]


@dataclass(frozen=True)
class Asked:
    """A whole query."""

    where: Any
    order: tuple[tuple[str, bool], ...] = ()


def instant(text: str) -> int:
    """Microseconds since 1970."""
    moment = datetime.fromisoformat(text)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)


def text_of(asked: Asked) -> str:
    """The query as it is written."""
    where = "" if asked.where is None else _written(asked.where)
    keys = ", ".join(f"{name} {'DESC' if down else 'asc'}" for name, down in asked.order)
    return f"{where} ORDER BY {keys}" if keys else where


def _written(part: Any) -> str:
    if isinstance(part, Joined):
        inner = [f"({_written(each)})" for each in part.parts]
        return f"not {inner[0]}" if part.word == "NOT" else f" {part.word} ".join(inner)
    values = [_literal(each) for each in part.values]
    if part.operator in ("IN", "NOT IN"):
        return f"{part.name} {part.operator} ({', '.join(values)})"
    return f"{part.name} {part.operator} {' AND '.join(values)}"


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "false"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return repr(value)


def values_of(run: Seen, name: str, kind: str) -> list[Any]:
    """The values of a type that a run has of an attribute; none where it does not fit."""
    if kind.startswith("system"):
        return _of_system(run.shown, name)
    given = run.attributes.get(name)
    if isinstance(given, list):
        return [value for each in given if isinstance(each, str) for value in _fit(each, kind)]
    return _fit(given, kind)


def _fit(given: Any, kind: str) -> list[Any]:
    if kind in ("keyword", "text", "keyword_list", "bool"):
        text = {True: "true", False: "false"}[given] if isinstance(given, bool) else given
        fits = isinstance(text, str) and (kind != "bool" or text in ("true", "false"))
        return [text] if fits else []
    if kind == "datetime":
        return [instant(given)] if isinstance(given, str) and given.startswith("2026-") else []
    if isinstance(given, bool) or not isinstance(given, int | float):
        return []
    if kind == "int":
        return [int(given)] if given == int(given) else []
    return [float(given)]


def _of_system(shown: dict[str, Any], name: str) -> list[Any]:
    started, closed = shown["started_at"], shown["closed_at"]
    value = {
        "WorkflowType": shown["workflow_type"],
        "WorkflowId": shown["workflow_id"],
        "RunId": shown["run_id"],
        "Status": shown["status"],
        "StatusBucket": shown["status"],
        "TaskQueue": shown["task_queue"],
        "BusinessKey": shown["business_key"],
        "RunNumber": shown["run_number"],
        "StartTime": instant(started),
        "CloseTime": closed and instant(closed),
        "ExecutionDuration": closed and instant(closed) - instant(started),
    }[name]
    return [] if value is None else [value]


def holds(part: Any, run: Seen, kinds: dict[str, str]) -> bool:
    """Whether a condition is true of a run."""
    if part is None:
        return True
    if isinstance(part, Joined):
        found = [holds(each, run, kinds) for each in part.parts]
        return {"AND": all(found), "OR": any(found), "NOT": not found[0]}[part.word]
    kind = kinds[part.name]
    had = values_of(run, part.name, kind)
    wanted = [_wanted(each, kind) for each in part.values]
    if part.name == "Status":
        wanted = [BUCKETS["running"] if each == "running" else (each,) for each in part.values]
    if kind == "system status":
        wanted = [[status for each in wanted for status in each]]
    return _says(part.operator, had, wanted, kind)


def _wanted(value: Any, kind: str) -> Any:
    if kind in ("datetime", "system datetime"):
        return instant(value)
    if kind == "system duration":
        return round(value * 1_000_000)
    if kind == "system status":
        return BUCKETS.get(value)
    if kind == "bool":
        return "true" if value else "false"
    return value


def _says(operator: str, had: list[Any], wanted: list[Any], kind: str) -> bool:
    if operator in ("IS NULL", "IS NOT NULL"):
        return bool(had) == (operator == "IS NOT NULL")
    among = wanted[0] if kind == "system status" else wanted
    if operator in ("=", "IN"):
        return any(each in among for each in had)
    if operator in ("!=", "NOT IN"):
        return bool(had) and not any(each in among for each in had)
    tests = {
        "<": lambda each: each < wanted[0],
        "<=": lambda each: each <= wanted[0],
        ">": lambda each: each > wanted[0],
        ">=": lambda each: each >= wanted[0],
        "BETWEEN": lambda each: wanted[0] <= each <= wanted[1],
        "STARTS_WITH": lambda each: each.startswith(wanted[0]),
    }
    return any(map(tests[operator], had))


def found(asked: Asked, runs: list[Seen], kinds: dict[str, str]) -> list[Seen]:
    """The runs that match, in order."""
    left = [run for run in runs if holds(asked.where, run, kinds)]
    order = asked.order or (("StartTime", True),)
    ties = [("RunId", order[0][1]), ("StartTime", order[0][1])]
    for name, descending in [*ties, *reversed(order)]:
        left = _sorted(left, name, descending, kinds)
    return left


def _sorted(runs: list[Seen], name: str, descending: bool, kinds: dict[str, str]) -> list[Seen]:
    def least(run: Seen) -> Any:
        return min(values_of(run, name, kinds[name]))

    having = [run for run in runs if values_of(run, name, kinds[name])]
    without = [run for run in runs if not values_of(run, name, kinds[name])]
    return sorted(having, key=least, reverse=descending) + without


def counted(runs: list[Seen], names: list[str], kinds: dict[str, str]) -> Counter[tuple[Any, ...]]:
    """How many runs each combination of values has."""
    found: Counter[tuple[Any, ...]] = Counter()
    for run in runs:
        each = [list(dict.fromkeys(values_of(run, name, kinds[name]))) or [None] for name in names]
        combined: list[tuple[Any, ...]] = [()]
        combined = reduce(
            lambda so_far, more: [(*a, b) for a in so_far for b in more], each, combined
        )
        found.update(combined)
    return found
