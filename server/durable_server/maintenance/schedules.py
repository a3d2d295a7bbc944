"""The pass that fires schedules."""

from durable_server.advance.schedules import fire
from durable_server.maintenance.passes import Due, PassReport, Sweep
from durable_server.server import Server
from durable_server.store import schedules as stored_schedules
from durable_server.store.schedules import DueSchedule


def fire_due_schedules(server: Server, now: int, limit: int) -> PassReport:
    """Put every schedule whose moment has come on its lane, which decides whether it is due."""
    return Sweep("schedules", stored_schedules.due_schedules, _due).run(server, now, limit)


def _due(row: DueSchedule) -> Due:
    return Due(f"{row.namespace}\0{row.schedule_id}", fire(row.namespace, row.schedule_id))
