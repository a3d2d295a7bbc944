"""The pass that removes what closed runs leave behind once their namespace keeps them no longer."""

from durable_server.maintenance.passes import PassReport, answer_of, read
from durable_server.server import Server
from durable_server.store import retention


def remove_expired_runs(server: Server, now: int, limit: int) -> PassReport:
    """One batch of one namespace; the loop comes back at once while there is more.

    Several servers may do this at once: each takes runs that no other holds.
    """
    ripe = read(server, retention.namespaces_with_expired)
    if not ripe:
        return PassReport()
    # By the instant, so that a large namespace does not keep the others waiting.
    namespace, closed_by = ripe[now % len(ripe)]
    count = min(limit, retention.RUNS_MAX)
    pruned = answer_of(
        server.lanes.write(lambda tx: retention.prune_expired(tx, namespace, closed_by, count))
    )
    return PassReport(len(pruned), len(pruned), 0, True)
