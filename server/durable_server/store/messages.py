"""The outbox, and what has been received already."""

from typing import Any

from durable_server.engine.run_state import Message
from durable_server.store.models import Message as Row
from durable_server.store.models import ReceivedMessage

_FIELDS = [getattr(Row, name) for name in Message._fields]


def due_messages(tx: Any, now: int, limit: int) -> list[Message]:
    """Undelivered messages that are due, oldest first; skips those another server holds."""
    query: Any = Row.select(*_FIELDS).where(Row.due_at <= now).order_by(Row.due_at)
    query = query.limit(limit).tuples()
    if tx.kind == "postgresql":
        query = query.for_update("FOR UPDATE SKIP LOCKED")
    return [Message(*row) for row in query.execute(tx.database)]


def delete_delivered(tx: Any, keys: list[tuple[int, str]]) -> None:
    """Take delivered messages, by (shard, message id), out of the outbox."""
    for shard, message_id in keys:
        mine = (Row.shard == shard) & (Row.message_id == message_id)
        Row.delete().where(mine).execute(tx.database)


def record_received(tx: Any, shard: int, message_id: str) -> bool:
    """Note a message of the receiver's shard; False when it was received before."""
    mine = (ReceivedMessage.shard == shard) & (ReceivedMessage.message_id == message_id)
    if ReceivedMessage.select().where(mine).exists(tx.database):
        return False
    row = {"shard": shard, "message_id": message_id, "received_at": tx.now}
    ReceivedMessage.insert(row).execute(tx.database)
    return True


def next_due(tx: Any) -> int | None:
    """When the next message is due."""
    query = Row.select(Row.due_at).order_by(Row.due_at).limit(1).tuples()
    return next((row[0] for row in query.execute(tx.database)), None)
