"""Activities that wait for a deadline."""

from typing import Any

from durable_server.store.due import Due, due, earliest
from durable_server.store.models import Activity as Row


def due_activities(tx: Any, now: int, limit: int) -> list[Due]:
    """Activities of which a deadline has passed, oldest first."""
    fields = (Row.shard, Row.run_id, Row.activity_execution_id, Row.due_at)
    return due(tx, fields, Row.due_at.is_null(False) & (Row.due_at <= now), limit)


def next_due(tx: Any) -> int | None:
    """When the next deadline passes."""
    return earliest(tx, Row.due_at, Row.due_at.is_null(False))
