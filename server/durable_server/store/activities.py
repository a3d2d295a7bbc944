"""Activities that wait for a deadline, and what a run waits for."""

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


def find_open_type(tx: Any, shard: int, run_id: str) -> str | None:
    """The type of the first open activity of a run."""
    mine = (Row.shard == shard) & (Row.run_id == run_id)
    query = Row.select(Row.activity_type).where(mine, Row.status.in_(["pending", "running"]))
    query = query.order_by(Row.step).limit(1).tuples()
    return next((row[0] for row in query.execute(tx.database)), None)
