"""The pass that writes down which workers were seen, and marks those that were not."""

from durable_server.clock import SECOND
from durable_server.maintenance.passes import PassReport, answer_of
from durable_server.server import Server
from durable_server.store import workers as stored_workers


def check_workers(server: Server, now: int, limit: int) -> PassReport:
    """Write signs of life in one statement; mark workers stale whose last is too old."""
    seen = server.workers.take_seen()
    if seen:
        answer_of(server.lanes.write(lambda tx: stored_workers.touch_workers(tx, seen)))
    older_than = now - server.settings.worker_silence_seconds * SECOND
    marked = answer_of(
        server.lanes.write(lambda tx: stored_workers.mark_stale(tx, older_than, limit))
    )
    count = marked if isinstance(marked, int) else len(marked or ())
    return PassReport(len(seen) + count, len(seen) + count, 0, count == limit)
