"""Where runs, signals, updates and queries stand in the traces of whoever asked for them."""

from typing import Any

TABLES = ("runs", "signals", "updates", "query_tasks")


def apply(kind: str, cursor: Any) -> None:
    """Add the columns."""
    for table in TABLES:
        cursor.execute(f"ALTER TABLE {table} ADD COLUMN trace TEXT")
