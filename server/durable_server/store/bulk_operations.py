"""Bulk operations: asked for, listed, claimed, carried on, forgotten."""

from typing import Any

import orjson

from durable_server.clock import SECOND
from durable_server.engine.bulk import LEASE_SECONDS, BulkOperation
from durable_server.store.models import BulkOperation as Row
from durable_server.store.models import Event

RUNNING_MAX = 100
_STOPPED = ("CancelRequested", "TerminateRequested")
_FIELDS = [getattr(Row, name) for name in BulkOperation._fields]
# What changes as an operation is carried on.
_CARRIED = (
    *("status", "closed_reason", "done", "skipped", "failed", "failures", "cursor", "batch"),
    *("due_at", "updated_at", "closed_at", "lease_owner", "lease_expires_at"),
)


def find_operation(tx: Any, namespace: str, operation_id: str) -> BulkOperation | None:
    """The operation of this id."""
    return _first(tx, _query().where(_is(namespace, operation_id)))


def find_by_request(tx: Any, namespace: str, request_id: str) -> BulkOperation | None:
    """The operation that was asked for with this request id."""
    mine = (Row.namespace == namespace) & (Row.request_id == request_id)
    return _first(tx, _query().where(mine))


def list_operations(
    tx: Any, namespace: str, status: str | None, before: str | None, page_size: int
) -> list[BulkOperation]:
    """Operations of a namespace, newest first; `before`: the id of the last one seen."""
    query = _query().where(Row.namespace == namespace)
    if status is not None:
        query = query.where(Row.status == status)
    if before is not None:
        query = query.where(Row.operation_id < before)
    query = query.order_by(Row.operation_id.desc()).limit(page_size)
    return [BulkOperation(*row) for row in query.execute(tx.database)]


def count_running(tx: Any, namespace: str) -> int:
    """How many operations of a namespace are not over, up to RUNNING_MAX."""
    mine = (Row.namespace == namespace) & (Row.status == "running")
    query = Row.select(Row.operation_id).where(mine).limit(RUNNING_MAX).tuples()
    return len(list(query.execute(tx.database)))


def insert_operation(tx: Any, operation: BulkOperation) -> BulkOperation:
    """Keep a new operation; gives the one that has its request id already."""
    Row.insert(operation._asdict()).on_conflict_ignore().execute(tx.database)
    if operation.request_id is None:
        return operation
    return find_by_request(tx, operation.namespace, operation.request_id) or operation


def claim_due(tx: Any, owner: str) -> BulkOperation | None:
    """Take the operation that has been due longest and that nobody else works on."""
    due = (Row.status == "running") & (Row.due_at <= tx.now)
    free = Row.lease_expires_at.is_null() | (Row.lease_expires_at <= tx.now)
    query = _query().where(due, free).order_by(Row.due_at).limit(1)
    if tx.kind == "postgresql":
        query = query.for_update("FOR UPDATE SKIP LOCKED")
    found = _first(tx, query)
    if found is None:
        return None
    taken = found._replace(
        lease_owner=owner, lease_expires_at=tx.now + LEASE_SECONDS * SECOND, due_at=tx.now
    )
    _update(tx, taken, _is(found.namespace, found.operation_id))
    return taken


def carry_on(tx: Any, operation: BulkOperation, *, release: bool) -> bool:
    """Write down how far an operation has come; False when somebody else works on it by now.

    One that was stopped meanwhile stays so, with what was done in the end.
    """
    mine = _is(operation.namespace, operation.operation_id)
    mine &= Row.lease_owner == operation.lease_owner
    now_kept = _first(tx, _query().where(mine))
    if now_kept is None:
        return False
    lease = None if release else tx.now + LEASE_SECONDS * SECOND
    kept = operation._replace(
        lease_owner=None if release else operation.lease_owner, lease_expires_at=lease
    )
    if now_kept.status != "running":
        kept = kept._replace(
            status=now_kept.status,
            closed_reason=now_kept.closed_reason,
            closed_at=now_kept.closed_at,
        )
    return bool(_update(tx, kept, mine))


def stop(tx: Any, namespace: str, operation_id: str, reason: str | None) -> BulkOperation | None:
    """Have nothing more of an operation carried out; the operation as it is afterwards."""
    changes = {"status": "stopped", "closed_reason": reason, "closed_at": tx.now}
    mine = _is(namespace, operation_id)
    Row.update(changes).where(mine, Row.status == "running").execute(tx.database)
    return find_operation(tx, namespace, operation_id)


def next_due(tx: Any) -> int | None:
    """When the next batch may be carried out."""
    query = Row.select(Row.due_at, Row.lease_expires_at).where(Row.status == "running")
    query = query.order_by(Row.due_at).limit(RUNNING_MAX).tuples()
    return min((max(row[0], row[1] or 0) for row in query.execute(tx.database)), default=None)


def remove_closed(tx: Any, closed_before: int, limit: int) -> int:
    """Forget operations that have been over for long; how many."""
    old = Row.select(Row.namespace, Row.operation_id).where(Row.closed_at < closed_before)
    old = old.order_by(Row.closed_at).limit(limit).tuples()
    found = list(old.execute(tx.database))
    return sum(Row.delete().where(_is(*each)).execute(tx.database) for each in found)


def remove_of_namespace(tx: Any, namespace: str, limit: int) -> int:
    """Remove operations of a namespace, at most `limit`; how many."""
    mine = Row.select(Row.namespace, Row.operation_id).where(Row.namespace == namespace)
    found = list(mine.limit(limit).tuples().execute(tx.database))
    return sum(Row.delete().where(_is(*each)).execute(tx.database) for each in found)


def was_stopped_by(tx: Any, shard: int, run_id: str, operation_id: str) -> bool:
    """Whether it was this operation that closed a run."""
    query = (
        Event.select(Event.payload)
        .where(Event.shard == shard, Event.run_id == run_id, Event.event_type.in_(_STOPPED))
        .order_by(Event.sequence.desc())
        .limit(1)
        .tuples()
    )
    found = next(iter(query.execute(tx.database)), None)
    if found is None:
        return False
    context = orjson.loads(found[0]).get("command", {}).get("context", {})
    return bool(context.get("bulk_operation") == operation_id)


def _query() -> Any:
    return Row.select(*_FIELDS).tuples()


def _first(tx: Any, query: Any) -> BulkOperation | None:
    return next((BulkOperation(*row) for row in query.execute(tx.database)), None)


def _update(tx: Any, operation: BulkOperation, where: Any) -> int:
    changes = {name: getattr(operation, name) for name in _CARRIED}
    count: int = Row.update(changes).where(where).execute(tx.database)
    return count


def _is(namespace: str, operation_id: str) -> Any:
    return (Row.namespace == namespace) & (Row.operation_id == operation_id)
