"""The outbox: what runs tell each other and has not been delivered."""

from collections.abc import Sequence
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


def not_begun(tx: Any, messages: Sequence[Message]) -> set[str]:
    """The receivers of these messages that are children whose start has not been delivered."""
    receivers = {(message.shard, message.to_run_id) for message in messages}
    if not receivers:
        return set()
    shards, run_ids = (sorted(set(each)) for each in zip(*receivers, strict=True))
    query = Row.select(Row.shard, Row.to_run_id).where(
        Row.shard.in_(shards), Row.to_run_id.in_(run_ids), Row.kind == "start_child"
    )
    found = set(query.tuples().execute(tx.database))
    return {run_id for _, run_id in receivers & found}


def next_due(tx: Any) -> int | None:
    """When the next message is due."""
    query = Row.select(Row.due_at).order_by(Row.due_at).limit(1).tuples()
    return next((row[0] for row in query.execute(tx.database)), None)
