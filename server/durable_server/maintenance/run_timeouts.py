"""The pass that closes runs that are past their deadline."""

from durable_server.advance.intents import TimeOutRun
from durable_server.maintenance.passes import Due, PassReport, Sweep
from durable_server.server import Server
from durable_server.store import runs as stored_runs
from durable_server.store.due import Due as DueRow


def time_out_runs(server: Server, now: int, limit: int) -> PassReport:
    """Close every run that is past its run or execution deadline."""
    return Sweep("run_timeouts", stored_runs.due_runs, _due).run(server, now, limit)


def _due(row: DueRow) -> Due:
    return Due(row.id, TimeOutRun(shard=row.shard, timed_run_id=row.id))
