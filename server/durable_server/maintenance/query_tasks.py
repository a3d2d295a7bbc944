"""The pass that removes query tasks that nobody needs any more."""

from durable_server.maintenance.passes import PassReport, answer_of
from durable_server.server import Server
from durable_server.store import query_tasks as stored_query_tasks


def remove_query_tasks(server: Server, now: int, limit: int) -> PassReport:
    """Remove rows that expired; a row is kept for a while to tell late reports what happened."""
    removed = answer_of(
        server.lanes.write(lambda tx: stored_query_tasks.remove_expired(tx, now, limit))
    )
    return PassReport(removed, removed, 0, removed == limit)
