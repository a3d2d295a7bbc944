"""Open runs that match a query, in batches: whom bulk operations address."""

from typing import Any, NamedTuple

import orjson

from durable_server.engine.bulk import BulkOperation, Target
from durable_server.store import conditions
from durable_server.store.models import Run as Row
from durable_server.store.search_attributes import definitions
from durable_server.visibility import check, grammar


class Selected(NamedTuple):
    """An open run that matches."""

    target: Target
    status: str
    started_at: int


def open_runs(tx: Any, operation: BulkOperation, limit: int) -> list[Selected]:
    """The next open runs of an operation, newest start first, none started after it was asked for.

    Refuses a query that its namespace does not allow any more.
    """
    query = _matching(tx, operation).order_by(Row.started_at.desc(), Row.run_id.desc())
    if operation.cursor is not None:
        started_at, run_id = orjson.loads(operation.cursor)
        older = (Row.started_at == started_at) & (Row.run_id < run_id)
        query = query.where(
            (Row.started_at <= started_at) & (older | (Row.started_at < started_at))
        )
    found = query.limit(limit).tuples().execute(tx.database)
    return [Selected(Target(*row[:4]), *row[4:]) for row in found]


def cursor_of(last: Selected) -> str:
    """Where the batch that follows this run begins."""
    return orjson.dumps([last.started_at, last.target.run_id]).decode()


def count_open(tx: Any, operation: BulkOperation, count_max: int) -> int:
    """How many open runs an operation would address, up to `count_max`."""
    found = _matching(tx, operation).limit(count_max).alias("found")
    counted = Row.select().from_(found).count(tx.database)
    return int(counted)


def _matching(tx: Any, operation: BulkOperation) -> Any:
    fields = (Row.shard, Row.run_id, Row.workflow_id, Row.workflow_type, Row.status)
    return Row.select(*fields, Row.started_at).where(
        Row.namespace == operation.namespace,
        Row.closed_at.is_null(),
        Row.started_at <= operation.created_at,
        _condition(tx, operation),
    )


def _condition(tx: Any, operation: BulkOperation) -> Any:
    bound = check.bind(
        grammar.parse_condition(operation.query), definitions(tx, operation.namespace)
    )
    return conditions.condition(bound.where, tx.kind)
