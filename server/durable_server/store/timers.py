"""Timers that wait for their moment."""

from typing import Any

from durable_server.store.due import Due, due, earliest
from durable_server.store.models import Timer as Row


def due_timers(tx: Any, now: int, limit: int) -> list[Due]:
    """Pending timers whose moment has come, oldest first."""
    fields = (Row.shard, Row.run_id, Row.timer_id, Row.fire_at)
    return due(tx, fields, (Row.status == "pending") & (Row.fire_at <= now), limit)


def next_due(tx: Any) -> int | None:
    """When the next timer fires."""
    return earliest(tx, Row.fire_at, Row.status == "pending")
