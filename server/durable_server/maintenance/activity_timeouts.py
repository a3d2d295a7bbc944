"""The pass that enforces the four deadlines of activities."""

from durable_server.advance.intents import EnforceActivityTimeout
from durable_server.maintenance.passes import Due, PassReport, Sweep
from durable_server.server import Server
from durable_server.store import activities as stored_activities
from durable_server.store.due import Due as DueRow


def enforce_activity_timeouts(server: Server, now: int, limit: int) -> PassReport:
    """Time out, or try again, every activity that is past a deadline."""
    return Sweep("activity_timeouts", stored_activities.due_activities, _due).run(
        server, now, limit
    )


def _due(row: DueRow) -> Due:
    intent = EnforceActivityTimeout(shard=row.shard, activity_execution_id=row.id)
    return Due(row.id, intent)
