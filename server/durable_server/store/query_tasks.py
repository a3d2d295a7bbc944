"""Query tasks as askers, workers and the pass that removes them ask for them."""

from typing import Any, NamedTuple

from peewee import SQL, fn

from durable_server.engine.query_task import QueryTask
from durable_server.store.models import QueryTask as Row

KEYS_MAX = 1000
# Written out, since SQLite finds a partial index by the words of its condition only.
_OPEN = SQL("status IN ('ready', 'leased')")


def find_query_task(tx: Any, shard: int, query_task_id: str) -> QueryTask | None:
    """A query task, not locked."""
    found: list[QueryTask] = tx.fetch("query_tasks_by_id", [(shard, query_task_id)])
    return found[0] if found else None


def answered_tasks(tx: Any, keys: list[tuple[int, str]]) -> list[QueryTask]:
    """Which of these query tasks a worker has reported on, by (shard, query task id)."""
    found: list[QueryTask] = []
    for start in range(0, len(keys), KEYS_MAX):
        found += tx.fetch("query_tasks_by_id", keys[start : start + KEYS_MAX])
    return [task for task in found if task.answered]


class Waiting(NamedTuple):
    """How many queries of a task queue somebody waits for, and how many of them nobody holds."""

    all: int
    free: int


def count_waiting(tx: Any, namespace: str, task_queue: str, now: int, limit: int) -> Waiting:
    """The queries of a task queue that are waited for, counted up to a limit."""
    query = (
        Row.select(Row.status, Row.lease_expires_at)
        .where(Row.namespace == namespace, Row.task_queue == task_queue)
        .where(_OPEN, Row.deadline_at > now)
        .limit(limit)
    )
    rows = list(query.tuples().execute(tx.database))
    return Waiting(len(rows), sum(status == "ready" or ends <= now for status, ends in rows))


def count_waiting_by_queue(tx: Any, namespace: str, now: int, limit: int) -> dict[str, int]:
    """The queries of a namespace that are waited for, by task queue; no more than `limit` are
    looked at.
    """
    open_ones = Row.select(Row.task_queue).where(Row.namespace == namespace, _OPEN)
    open_ones = open_ones.where(Row.deadline_at > now).limit(limit).alias("open_ones")
    queue = open_ones.c.task_queue
    query = Row.select(queue, fn.COUNT(SQL("*"))).from_(open_ones).group_by(queue)
    return dict(query.tuples().execute(tx.database))


def leases_of(tx: Any, namespace: str, worker_id: str, task_queue: str) -> list[QueryTask]:
    """The query tasks that a worker of a task queue holds."""
    query = (
        Row.select(Row.shard, Row.query_task_id)
        .where(Row.namespace == namespace, Row.task_queue == task_queue)
        .where(_OPEN, Row.status == "leased", Row.lease_owner == worker_id)
        .limit(KEYS_MAX)
    )
    found: list[QueryTask] = tx.fetch(
        "query_tasks_by_id", list(query.tuples().execute(tx.database))
    )
    return found


def next_lease_end(tx: Any, namespace: str, task_queue: str, now: int) -> int | None:
    """When a query of a task queue may next be offered again, if its holder does not answer."""
    query = Row.select(fn.MIN(Row.lease_expires_at)).where(
        Row.namespace == namespace, Row.task_queue == task_queue, _OPEN, Row.status == "leased"
    )
    query = query.where(Row.lease_expires_at > now, Row.lease_expires_at < Row.deadline_at).tuples()
    found: int | None = next(iter(query.execute(tx.database)))[0]
    return found


def remove_expired(tx: Any, now: int, limit: int) -> int:
    """Remove rows that nobody needs any more, oldest first; how many."""
    query: Any = Row.select(Row.shard, Row.query_task_id).where(Row.expires_at <= now)
    query = query.order_by(Row.expires_at).limit(limit).tuples()
    if tx.kind == "postgresql":
        query = query.for_update("FOR UPDATE SKIP LOCKED")
    found = list(query.execute(tx.database))
    if not found:
        return 0
    shards, ids = zip(*found, strict=True)
    mine = Row.shard.in_(set(shards)) & Row.query_task_id.in_(ids)
    removed: int = Row.delete().where(mine, Row.expires_at <= now).execute(tx.database)
    return removed
