"""Runs by close, ids by their beginning, and values of attributes in one direction, so that an
index that is read either way gives equal values by start.
"""

from typing import Any

_VALUE_INDEX = (
    "CREATE INDEX run_attributes_by_{0} ON run_attributes"
    " (namespace, name, {0}, started_at, run_id, shard) WHERE {0} IS NOT NULL"
)
_CLOSED_INDEX = (
    "CREATE INDEX runs_closed ON runs (namespace, closed_at, started_at, run_id)"
    " WHERE closed_at IS NOT NULL"
)
# Serves equality and, bytewise, beginnings and ranges, whatever the collation of the database.
_ID_INDEX = (
    "CREATE UNIQUE INDEX runs_numbered ON runs"
    " (namespace, workflow_id text_pattern_ops, run_number, shard)"
)


def apply(kind: str, cursor: Any) -> None:
    """Make the indexes anew."""
    for name in ("text", "whole", "number", "instant"):
        cursor.execute(f"DROP INDEX run_attributes_by_{name}")
        cursor.execute(_VALUE_INDEX.format(name))
    cursor.execute(_CLOSED_INDEX)
    if kind == "postgresql":
        cursor.execute("DROP INDEX runs_numbered")
        cursor.execute(_ID_INDEX)
