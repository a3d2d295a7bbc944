"""Tasks as passes and polls ask for them."""

from typing import Any

from durable_server.engine.run_state import Run, Task
from durable_server.store.due import Due, due, earliest
from durable_server.store.models import Task as Row

CHANNELS_MAX = 10_000
LEASES_MAX = 10_000


def find_task(tx: Any, shard: int, task_id: str) -> tuple[Run, Task] | None:
    """A task and its run, not locked."""
    found = tx.fetch("tasks_by_id", [(shard, task_id)])
    runs = tx.fetch("runs_by_id", [(shard, found[0].run_id)]) if found else []
    return (runs[0], found[0]) if runs else None


def expired_leases(tx: Any, now: int, limit: int) -> list[Due]:
    """Leased tasks whose lease has run out, oldest first."""
    fields = (Row.shard, Row.run_id, Row.task_id, Row.lease_expires_at)
    return due(tx, fields, (Row.status == "leased") & (Row.lease_expires_at <= now), limit)


def next_lease_expiry(tx: Any) -> int | None:
    """When the next lease runs out."""
    return earliest(tx, Row.lease_expires_at, Row.status == "leased")


def ready_channels(tx: Any, now: int, limit: int = CHANNELS_MAX) -> list[tuple[str, str, str]]:
    """Channels (namespace, task queue, kind) with a ready task that is due."""
    query = Row.select(Row.namespace, Row.task_queue, Row.kind).distinct()
    query = query.where(Row.status == "ready", Row.available_at <= now).limit(limit).tuples()
    return list(query.execute(tx.database))


def leases_of(tx: Any, namespace: str, worker_id: str, limit: int = LEASES_MAX) -> list[Task]:
    """The tasks that a worker holds."""
    mine = (Row.namespace == namespace) & (Row.lease_owner == worker_id)
    query = Row.select(Row.shard, Row.task_id).where(mine, Row.status == "leased").limit(limit)
    found: list[Task] = tx.fetch("tasks_by_id", list(query.tuples().execute(tx.database)))
    return found
