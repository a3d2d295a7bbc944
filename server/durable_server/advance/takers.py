"""For whom a queue is looked at: the parked polls by the build of their workers."""

from durable_server.matching.channels import Poll
from durable_server.store.transaction import Taker


def takers_of(polls: list[Poll]) -> list[tuple[Taker, int]]:
    """Whose tasks these polls may be given, and how many polls each of them has.

    Tasks are pinned to builds. A look that took all builds together could find nothing but tasks
    of a build that no poll has, however many others stand behind them.
    """
    by_build: dict[str | None, list[Poll]] = {}
    for poll in polls:
        by_build.setdefault(poll.worker.build_id, []).append(poll)
    return [(Taker(_types(group), build_id), len(group)) for build_id, group in by_build.items()]


def _types(polls: list[Poll]) -> list[str] | None:
    """The types that any of these polls accepts; None when one accepts all."""
    types: set[str] = set()
    for poll in polls:
        if poll.worker.types is None:
            return None
        types |= poll.worker.types
    return sorted(types)
