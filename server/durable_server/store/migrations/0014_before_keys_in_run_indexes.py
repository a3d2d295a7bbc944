"""Runs that closed without a result, by start, and whole keys in the indexes of runs by start, so
that an index alone tells which runs they are.
"""

from typing import Any

_INDEXES = {
    "runs_listed": "(namespace, started_at DESC, run_id DESC, shard)",
    "runs_by_type": "(namespace, workflow_type, started_at DESC, run_id DESC, shard)",
    "runs_open": "(namespace, started_at, run_id, shard) WHERE closed_at IS NULL",
}
_FAILED = (
    "CREATE INDEX runs_failed ON runs (namespace, status, started_at DESC, run_id DESC, shard)"
    " WHERE status IN ('failed', 'cancelled', 'terminated')"
)


def apply(kind: str, cursor: Any) -> None:
    """Make the indexes."""
    for name, columns in _INDEXES.items():
        cursor.execute(f"DROP INDEX {name}")
        cursor.execute(f"CREATE INDEX {name} ON runs {columns}")
    cursor.execute(_FAILED)
