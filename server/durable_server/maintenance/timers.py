"""The pass that fires timers whose moment has come."""

from durable_server.advance.intents import FireTimer
from durable_server.maintenance.passes import Due, PassReport, Sweep
from durable_server.server import Server
from durable_server.store import timers as stored_timers
from durable_server.store.due import Due as DueRow


def fire_due_timers(server: Server, now: int, limit: int) -> PassReport:
    """Put every timer whose moment has come on its run's lane."""
    return Sweep("timers", stored_timers.due_timers, _due).run(server, now, limit)


def _due(row: DueRow) -> Due:
    intent = FireTimer(shard=row.shard, timer_run_id=row.run_id, timer_id=row.id)
    return Due(row.id, intent)
