"""The pass that enforces the four deadlines of activities."""

from durable_server.advance.intents import EnforceActivityTimeout
from durable_server.engine.run_state import Activity
from durable_server.maintenance.passes import Due, PassReport, Sweep
from durable_server.server import Server
from durable_server.store import activities as stored_activities


def enforce_activity_timeouts(server: Server, now: int, limit: int) -> PassReport:
    """Time out, or try again, every activity that is past a deadline."""
    return Sweep("activity_timeouts", stored_activities.due_activities, _due).run(
        server, now, limit
    )


def _due(row: Activity) -> Due:
    intent = EnforceActivityTimeout(
        shard=row.shard, activity_execution_id=row.activity_execution_id
    )
    return Due(row.activity_execution_id, intent)
