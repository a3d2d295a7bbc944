"""How much waits for workers, over all namespaces and queues."""

from typing import Any, NamedTuple

from peewee import SQL, fn

from durable_server.store.models import Task


class Backlog(NamedTuple):
    """Ready tasks of one kind on a queue, and since when the oldest of them is ready."""

    namespace: str
    task_queue: str
    kind: str
    tasks: int
    oldest_at: int


def list_backlog(tx: Any, now: int, limit: int) -> list[Backlog]:
    """The queues on which tasks are ready, the longest first; no more than `limit` tasks are
    looked at, so that a flood costs a scrape no more than that.
    """
    # The condition stands as literally as in the partial index, which is of no use otherwise.
    ready = (
        Task.select(Task.namespace, Task.task_queue, Task.kind, Task.available_at)
        .where(SQL("status = 'ready'"), Task.available_at <= now)
        .limit(limit)
        .alias("ready")
    )
    queue = (ready.c.namespace, ready.c.task_queue, ready.c.kind)
    count = fn.COUNT(SQL("*"))
    query = (
        Task.select(*queue, count, fn.MIN(ready.c.available_at))
        .from_(ready)
        .group_by(*queue)
        .order_by(count.desc(), *queue)
        .tuples()
    )
    return [Backlog(*row) for row in query.execute(tx.database)]
