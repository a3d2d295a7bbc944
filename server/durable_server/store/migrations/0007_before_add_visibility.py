"""What runs are found by: declared attributes, indexed values, and runs by type."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

_TABLES = (
    """CREATE TABLE search_attributes (
        "namespace" {text} NOT NULL,
        "name" {text} NOT NULL,
        "type" {text} NOT NULL,
        "created_at" {bigint} NOT NULL,
        PRIMARY KEY ("namespace", "name"))""",
    """CREATE TABLE run_attributes (
        "shard" {bigint} NOT NULL,
        "run_id" {text} NOT NULL,
        "name" {text} NOT NULL,
        "position" {bigint} NOT NULL,
        "namespace" {text} NOT NULL,
        "text" {bytewise},
        "whole" {bigint},
        "number" {double},
        "instant" {bigint},
        "started_at" {bigint} NOT NULL,
        PRIMARY KEY ("shard", "run_id", "name", "position"))""",
)
_VALUE_INDEX = (
    "CREATE INDEX run_attributes_by_{0} ON run_attributes"
    " (namespace, name, {0}, started_at DESC, run_id DESC, shard) WHERE {0} IS NOT NULL"
)
_INDEXES = (
    *(_VALUE_INDEX.format(name) for name in ("text", "whole", "number", "instant")),
    "CREATE INDEX runs_by_type ON runs (namespace, workflow_type, started_at DESC, run_id DESC)",
)
_TYPES = {
    "postgresql": {
        "bigint": "BIGINT",
        "text": "TEXT",
        "bytewise": 'TEXT COLLATE "C"',
        "double": "DOUBLE PRECISION",
    },
    "sqlite": {"bigint": "INTEGER", "text": "TEXT", "bytewise": "TEXT", "double": "REAL"},
}
_RUNS = (
    "SELECT r.shard, r.run_id, r.namespace, r.started_at, d.search_attributes FROM runs r"
    " JOIN run_details d ON d.shard = r.shard AND d.run_id = r.run_id"
    " WHERE d.search_attributes IS NOT NULL AND (r.shard, r.run_id) > ({0}, {0})"
    " ORDER BY r.shard, r.run_id LIMIT 1000"
)
_PLACE = {"postgresql": "%s", "sqlite": "?"}
_TEXT_BYTES_MAX = 2048
_WHOLE_MAX = 2**63 - 1
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d.{0,30}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def apply(kind: str, cursor: Any) -> None:
    """Create tables and indexes, and index the attributes that runs have already."""
    for table in _TABLES:
        cursor.execute(table.format(**_TYPES[kind]))
    _index_runs(kind, cursor)
    for index in _INDEXES:
        cursor.execute(index)


def _index_runs(kind: str, cursor: Any) -> None:
    insert = f"INSERT INTO run_attributes VALUES ({', '.join([_PLACE[kind]] * 10)})"
    after: tuple[Any, ...] = (-1, "")
    while True:
        cursor.execute(_RUNS.format(_PLACE[kind]), after)
        runs = cursor.fetchall()
        if not runs:
            return
        for run in runs:
            for row in _rows(*run):
                cursor.execute(insert, row)
        after = runs[-1][:2]


def _rows(shard: int, run_id: str, namespace: str, started_at: int, text: str) -> Iterator[Any]:
    for name, given in orjson.loads(text).items():
        for position, value in enumerate(dict.fromkeys(_values(given))):
            yield (shard, run_id, name, position, namespace, *value, started_at)


def _values(given: Any) -> list[tuple[Any, Any, Any, Any]]:
    """A value as text, whole number, double and instant, each null where it is none."""
    if isinstance(given, list):
        return [value for each in given if isinstance(each, str) for value in _values(each)]
    if isinstance(given, bool):
        return [("true" if given else "false", None, None, None)]
    if isinstance(given, int | float):
        whole = int(given) if given == int(given) and abs(given) <= _WHOLE_MAX else None
        return [(None, whole, float(given), None)]
    if isinstance(given, str) and len(given.encode()) <= _TEXT_BYTES_MAX:
        return [(given, None, None, _instant(given))]
    return []


def _instant(text: str) -> int | None:
    if not _INSTANT.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)
