"""The pass that takes back leases that have run out."""

from durable_server.advance.intents import ExpireTaskLease
from durable_server.maintenance.passes import Due, PassReport, Sweep
from durable_server.server import Server
from durable_server.store import tasks as stored_tasks
from durable_server.store.due import Due as DueRow


def expire_task_leases(server: Server, now: int, limit: int) -> PassReport:
    """Offer every task whose lease has run out to other workers."""
    return Sweep("task_leases", stored_tasks.expired_leases, _due).run(server, now, limit)


def _due(row: DueRow) -> Due:
    return Due(row.id, ExpireTaskLease(shard=row.shard, task_id=row.id))
