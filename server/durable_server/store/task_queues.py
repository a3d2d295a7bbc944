"""Task queues as people look at them: who polls one, and how much waits there."""

from typing import Any, NamedTuple

from peewee import SQL

from durable_server.engine.run_state import Task as TaskValue
from durable_server.store import columns
from durable_server.store.models import Task, Worker
from durable_server.store.workers import Worker as WorkerValue

_TASK = [getattr(Task, name) for name in columns.TASKS.names]
_WORKER = [getattr(Worker, name) for name in WorkerValue._fields]


class TaskCounts(NamedTuple):
    """Tasks of one kind on a queue, each counted up to a limit."""

    ready: int
    leased: int
    expired: int


class QueueCounts(NamedTuple):
    """What waits on a queue, and who is registered for it, each counted up to a limit."""

    workflow: TaskCounts
    activity: TaskCounts
    fresh_workers: int
    silent_workers: int


def list_pollers(tx: Any, namespace: str, task_queue: str, limit: int) -> list[WorkerValue]:
    """The workers that are registered for a queue, those heard last first."""
    query = Worker.select(*_WORKER).where(_registered(namespace, task_queue))
    query = query.order_by(Worker.last_heartbeat_at.desc(), Worker.worker_id).limit(limit)
    return [WorkerValue(*row) for row in query.tuples().execute(tx.database)]


def list_leased(tx: Any, namespace: str, task_queue: str, limit: int) -> list[TaskValue]:
    """The leased tasks of a queue, those whose lease ends first first."""
    query = Task.select(*_TASK).where(_of_queue(namespace, task_queue), SQL("status = 'leased'"))
    query = query.order_by(Task.lease_expires_at, Task.task_id).limit(limit).tuples()
    return [TaskValue(*row) for row in query.execute(tx.database)]


def find_oldest_ready(tx: Any, namespace: str, task_queue: str, now: int) -> TaskValue | None:
    """The ready task of a queue that has waited longest."""
    ready = _of_queue(namespace, task_queue) & (Task.available_at <= now)
    query = Task.select(*_TASK).where(ready, SQL("status = 'ready'"))
    query = query.order_by(Task.available_at, Task.task_id).limit(1).tuples()
    return next((TaskValue(*row) for row in query.execute(tx.database)), None)


def count_queue(
    tx: Any, queue: tuple[str, str], now: int, heard_since: int, limit: int
) -> QueueCounts:
    """How much waits on a queue (namespace, name), and who was heard since an instant."""
    registered = _registered(*queue)
    return QueueCounts(
        _tasks(tx, queue, "workflow", now, limit),
        _tasks(tx, queue, "activity", now, limit),
        _count(tx, Worker, registered & (Worker.last_heartbeat_at >= heard_since), limit),
        _count(tx, Worker, registered & (Worker.last_heartbeat_at < heard_since), limit),
    )


# Conditions stand as literally as in partial indexes, which are of no use otherwise.
def _tasks(tx: Any, queue: tuple[str, str], kind: str, now: int, limit: int) -> TaskCounts:
    mine = _of_queue(*queue) & (Task.kind == kind)
    leased = mine & SQL("status = 'leased'")
    return TaskCounts(
        _count(tx, Task, mine & SQL("status = 'ready'"), limit),
        _count(tx, Task, leased, limit),
        _count(tx, Task, leased & (Task.lease_expires_at <= now), limit),
    )


def _of_queue(namespace: str, task_queue: str) -> Any:
    return (Task.namespace == namespace) & (Task.task_queue == task_queue)


def _registered(namespace: str, task_queue: str) -> Any:
    return (Worker.namespace == namespace) & (Worker.task_queue == task_queue)


def _count(tx: Any, model: Any, condition: Any, limit: int) -> int:
    found: int = model.select().where(condition).limit(limit).count(tx.database)
    return found
