"""Asking for rows whose moment has come, oldest first, passing over those another server holds."""

from typing import Any, NamedTuple


class Due(NamedTuple):
    """A row that is due: the run it belongs to, and its own id."""

    shard: int
    run_id: str
    id: str
    at: int


def due(tx: Any, fields: tuple[Any, Any, Any, Any], condition: Any, limit: int) -> list[Due]:
    """Rows of (shard, run id, id, instant) whose instant is not after the present one."""
    shard, run_id, name, at = fields
    query = (
        shard.model.select(shard, run_id, name, at)
        .where(condition)
        .order_by(at)
        .limit(limit)
        .tuples()
    )
    if tx.kind == "postgresql":
        query = query.for_update("FOR UPDATE SKIP LOCKED")
    return [Due(*row) for row in query.execute(tx.database)]


def earliest(tx: Any, field: Any, condition: Any) -> int | None:
    """The earliest instant of a column, or None."""
    query = field.model.select(field).where(condition).order_by(field).limit(1).tuples()
    return next((row[0] for row in query.execute(tx.database)), None)
