"""Which runs have been removed with age, and the indexes that removing and counting runs needs."""

from typing import Any

_COLUMN = "ALTER TABLE runs ADD COLUMN pruned_at {bigint}"
_INDEXES = (
    "CREATE INDEX runs_open ON runs (namespace, started_at, run_id) WHERE closed_at IS NULL",
    "CREATE INDEX runs_kept ON runs (namespace, closed_at, status)"
    " WHERE closed_at IS NOT NULL AND archived_at IS NULL AND pruned_at IS NULL",
    "CREATE INDEX runs_archived ON runs (namespace, status) WHERE archived_at IS NOT NULL",
    "CREATE INDEX tasks_ended ON tasks (run_id, shard)"
    " WHERE status IN ('completed', 'failed', 'cancelled')",
    "CREATE INDEX tasks_failing ON tasks (namespace, type_name, failure_count)"
    " WHERE failure_count > 0 AND status IN ('ready', 'leased')",
    "CREATE INDEX signals_by_run ON signals (run_id, shard)",
    "CREATE INDEX updates_by_run ON updates (run_id, shard)",
)
_BIGINT = {"postgresql": "BIGINT", "sqlite": "INTEGER"}


def apply(kind: str, cursor: Any) -> None:
    """Add the column and the indexes."""
    cursor.execute(_COLUMN.format(bigint=_BIGINT[kind]))
    for index in _INDEXES:
        cursor.execute(index)
