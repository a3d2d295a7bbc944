"""The pass that goes on removing namespaces whose deletion was begun and then interrupted."""

from typing import Any

from durable_server.clock import SECOND
from durable_server.maintenance.passes import PassReport, answer_of, read
from durable_server.server import Server
from durable_server.store import namespace_purges as purges
from durable_server.store import payload_objects

BATCHES_MAX = 8
# Other processes may take a namespace for existing this long after it was marked.
SETTLE = 30 * SECOND


def purge_namespaces(server: Server, now: int, limit: int) -> PassReport:
    """Remove a part of every namespace that is on its way out; forget those of which nothing is
    left and nothing can come any more.
    """
    leaving = read(server, purges.list_leaving)[:limit]
    more = [_purge(server, each, now) for each in leaving]
    return PassReport(len(leaving), len(leaving), 0, any(more))


def _purge(server: Server, leaving: purges.Leaving, now: int) -> bool:
    def batch(tx: Any) -> bool:
        return purges.purge_batch(tx, leaving.name)

    for _ in range(BATCHES_MAX):
        if not answer_of(server.lanes.write(batch)):
            break
    else:
        return True
    if leaving.swept_at is not None and leaving.swept_at + SETTLE <= now:
        answer_of(server.lanes.write(lambda tx: _forget(tx, leaving.name)))
    return False


def _forget(tx: Any, namespace: str) -> None:
    if not payload_objects.has_garbage(tx, namespace):
        purges.forget_namespace(tx, namespace)
