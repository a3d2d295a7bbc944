"""The outbox: what runs tell each other and has not been delivered."""

from typing import Any

from durable_server.engine.run_state import Message
from durable_server.store.models import Message as Row

_FIELDS = [getattr(Row, name) for name in Message._fields]


def due_messages(tx: Any, now: int, limit: int) -> list[Message]:
    """Undelivered messages that are due, oldest first; skips those another server holds."""
    query: Any = Row.select(*_FIELDS).where(Row.due_at <= now).order_by(Row.due_at)
    query = query.limit(limit).tuples()
    if tx.kind == "postgresql":
        query = query.for_update("FOR UPDATE SKIP LOCKED")
    return [Message(*row) for row in query.execute(tx.database)]


def next_due(tx: Any) -> int | None:
    """When the next message is due."""
    query = Row.select(Row.due_at).order_by(Row.due_at).limit(1).tuples()
    return next((row[0] for row in query.execute(tx.database)), None)
