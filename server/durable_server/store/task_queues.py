"""Task queues as people look at them: which there are, who polls one, how much waits there.

Counts end at a limit, so that a flood costs whoever looks at it no more than that.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from peewee import SQL, fn

from durable_server.engine.run_state import Task as TaskValue
from durable_server.ids import shard_in
from durable_server.store import columns
from durable_server.store.admission import Leases, count_leases
from durable_server.store.models import BuildRollout, Task, Worker
from durable_server.store.workers import WORKERS_MAX
from durable_server.store.workers import Worker as WorkerValue

_TASK = [getattr(Task, name) for name in columns.TASKS.names]
_WORKER = [getattr(Worker, name) for name in WorkerValue._fields]
KINDS = ("workflow", "activity")

# The next queue with a ready task behind the one before, as often as asked for: finished tasks and
# the length of a queue cost nothing.
_READY_NAMES = """
WITH RECURSIVE q (name) AS (
 SELECT (SELECT t.task_queue FROM tasks t WHERE t.status = 'ready' AND t.namespace = ?
  AND t.task_queue > ? ORDER BY t.task_queue LIMIT 1)
 UNION ALL
 SELECT (SELECT t.task_queue FROM tasks t WHERE t.status = 'ready' AND t.namespace = ?
  AND t.task_queue > q.name ORDER BY t.task_queue LIMIT 1) FROM q WHERE q.name IS NOT NULL)
SELECT name FROM q WHERE name IS NOT NULL LIMIT ?"""
_ORDERED = "WITH k (name) AS (VALUES {rows}) SELECT name FROM k ORDER BY name LIMIT ?"
_READY = """
WITH k (name, kind) AS (VALUES {rows})
SELECT k.name, k.kind,
 (SELECT COUNT(*) FROM (SELECT 1 FROM tasks t WHERE t.status = 'ready' AND t.namespace = ?
  AND t.task_queue = k.name AND t.kind = k.kind AND t.available_at <= ? LIMIT ?) x),
 (SELECT t.task_id FROM tasks t WHERE t.status = 'ready' AND t.namespace = ?
  AND t.task_queue = k.name AND t.kind = k.kind AND t.available_at <= ?
  ORDER BY t.available_at, t.task_id LIMIT 1)
FROM k"""


class TaskCounts(NamedTuple):
    """Tasks of one kind on a queue: due and free, leased, and leased with a lease that ran out."""

    ready: int
    leased: int
    expired: int


class WorkerCounts(NamedTuple):
    """Registered workers: heard lately and active, heard lately and draining, silent; and how many
    workflow and activity tasks the active ones take at once.
    """

    active: int = 0
    draining: int = 0
    silent: int = 0
    workflow_slots: int = 0
    activity_slots: int = 0


class QueueCounts(NamedTuple):
    """What waits on a queue, who is registered for it, and the task that has waited longest."""

    workflow: TaskCounts
    activity: TaskCounts
    workers: WorkerCounts
    oldest: TaskValue | None


def list_task_queues(tx: Any, namespace: str, after: str, limit: int) -> list[str]:
    """The queues behind a name on which something waits, is leased or is registered, or of whose
    builds an operator said something; by name.
    """
    names = {name for (name,) in _rows(tx, _READY_NAMES, (namespace, after, namespace, limit))}
    # The condition of a partial index is found by its words.
    for model, those in ((Task, (SQL("status = 'leased'"),)), (Worker, ()), (BuildRollout, ())):
        query = model.select(model.task_queue).where(model.namespace == namespace, *those)
        query = query.where(model.task_queue > after).distinct().order_by(model.task_queue)
        names.update(name for (name,) in query.limit(limit).tuples().execute(tx.database))
    if not names:
        return []
    # Sorted as the database compares, which need not be by code points.
    ordered = _rows(tx, _ORDERED.format(rows=", ".join(["(?)"] * len(names))), (*names, limit))
    return [name for (name,) in ordered]


def list_pollers(
    tx: Any, namespace: str, task_queue: str, heard_since: int, limit: int
) -> list[WorkerValue]:
    """The workers that are registered for a queue: those heard since an instant, then the others,
    each by id.
    """
    query = Worker.select(*_WORKER).where(_registered(namespace, task_queue))
    fresh = Worker.last_heartbeat_at >= heard_since
    query = query.order_by(fresh.desc(), Worker.worker_id).limit(limit)
    return [WorkerValue(*row) for row in query.tuples().execute(tx.database)]


def list_leased(tx: Any, namespace: str, task_queue: str, now: int, limit: int) -> list[TaskValue]:
    """The leased tasks of a queue: those whose lease ran out, then the others, each by id."""
    mine = (Task.namespace == namespace) & (Task.task_queue == task_queue)
    query = Task.select(*_TASK).where(mine, SQL("status = 'leased'"))
    query = query.order_by((Task.lease_expires_at <= now).desc(), Task.task_id).limit(limit)
    return [TaskValue(*row) for row in query.tuples().execute(tx.database)]


def count_queues(
    tx: Any, namespace: str, names: Sequence[str], now: int, heard_since: int, limit: int
) -> dict[str, QueueCounts]:
    """How much waits on each of these queues, counted up to a limit, and who was heard since an
    instant.
    """
    if not names:
        return {}
    ready = _ready(tx, namespace, names, now, limit)
    leases = count_leases(tx, namespace, now)
    workers = _workers(tx, namespace, names, heard_since)
    firsts = [first for _, first in ready.values() if first is not None]
    oldest = _oldest(tx, firsts)

    def counts(name: str, kind: str) -> TaskCounts:
        return TaskCounts(ready[(name, kind)][0], *leases.get((name, kind), Leases(0, 0)))

    return {
        name: QueueCounts(
            counts(name, "workflow"),
            counts(name, "activity"),
            workers.get(name, WorkerCounts()),
            oldest.get(name),
        )
        for name in names
    }


def _ready(
    tx: Any, namespace: str, names: Sequence[str], now: int, limit: int
) -> dict[tuple[str, str], tuple[int, str | None]]:
    """Due and free tasks by (task queue, kind): how many, and the id of the first."""
    keys = [(name, kind) for name in names for kind in KINDS]
    statement = _READY.format(rows=", ".join(["(?, ?)"] * len(keys)))
    flat = [each for key in keys for each in key]
    rows = _rows(tx, statement, (*flat, namespace, now, limit, namespace, now))
    return {(name, kind): (count, first) for name, kind, count, first in rows}


def _oldest(tx: Any, task_ids: Iterable[str]) -> dict[str, TaskValue]:
    """Of these tasks the one of each queue that has waited longest."""
    shards = [(shard_in(task_id), task_id) for task_id in task_ids]
    found = tx.fetch("tasks_by_id", [key for key in shards if key[0] is not None])
    latest_first = sorted(found, key=lambda task: (task.available_at, task.task_id), reverse=True)
    return {task.task_queue: task for task in latest_first}


def _workers(
    tx: Any, namespace: str, names: Sequence[str], heard_since: int
) -> dict[str, WorkerCounts]:
    rows = (
        Worker.select(
            Worker.task_queue,
            Worker.last_heartbeat_at >= heard_since,
            Worker.status == "draining",
            fn.COUNT(SQL("*")),
            fn.SUM(Worker.max_concurrent_workflow_tasks),
            fn.SUM(Worker.max_concurrent_activity_tasks),
        )
        .where(Worker.namespace == namespace, Worker.task_queue.in_(list(names)))
        .group_by(
            Worker.task_queue,
            Worker.last_heartbeat_at >= heard_since,
            Worker.status == "draining",
        )
        .limit(WORKERS_MAX)
        .tuples()
    )
    found: dict[str, WorkerCounts] = {}
    for name, fresh, draining, count, *slots in rows.execute(tx.database):
        known = found.get(name, WorkerCounts())
        if not fresh:
            found[name] = known._replace(silent=known.silent + count)
        elif draining:
            found[name] = known._replace(draining=count)
        else:
            workflow_slots, activity_slots = map(int, slots)
            found[name] = known._replace(
                active=count, workflow_slots=workflow_slots, activity_slots=activity_slots
            )
    return found


def _registered(namespace: str, task_queue: str) -> Any:
    return (Worker.namespace == namespace) & (Worker.task_queue == task_queue)


def _rows(tx: Any, statement: str, parameters: Sequence[Any]) -> list[Any]:
    sql = statement.replace("?", tx.database.param)
    found: list[Any] = tx.database.execute_sql(sql, parameters).fetchall()
    return found
