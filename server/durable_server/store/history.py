"""Events of a run, in order."""

from typing import Any

from peewee import fn

from durable_server.engine.run_state import Event
from durable_server.store.models import Event as Row

_FIELDS = [getattr(Row, name) for name in Event._fields]


def list_events(tx: Any, shard: int, run_id: str, after: int, limit: int) -> list[Event]:
    """Events after a sequence number, at most `limit`."""
    query = Row.select(*_FIELDS).where(_of(shard, run_id), Row.sequence > after)
    query = query.order_by(Row.sequence).limit(limit).tuples()
    return [Event(*row) for row in query.execute(tx.database)]


_FAILED = (
    *("ActivityFailed", "ActivityTimedOut", "ChildRunFailed", "UpdateCompleted"),
    *("WorkflowFailed", "WorkflowTimedOut", "WorkflowCancelled", "WorkflowTerminated"),
)


def list_failures(tx: Any, shard: int, run_id: str, after: int, limit: int) -> list[Event]:
    """Events after a sequence number that tell of a failure, newest first, at most `limit`."""
    query = Row.select(*_FIELDS).where(_of(shard, run_id), Row.sequence > after)
    query = query.where(Row.event_type.in_(_FAILED), Row.payload.contains('"failure_id":'))
    query = query.order_by(Row.sequence.desc()).limit(limit).tuples()
    return [Event(*row) for row in query.execute(tx.database)]


def last_sequence(tx: Any, shard: int, run_id: str) -> int:
    """The number of the last event; 0 when there is none."""
    query = Row.select(fn.MAX(Row.sequence)).where(_of(shard, run_id)).tuples()
    return next((row[0] or 0 for row in query.execute(tx.database)), 0)


def _of(shard: int, run_id: str) -> Any:
    return (Row.shard == shard) & (Row.run_id == run_id)
