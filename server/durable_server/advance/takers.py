"""For whom a queue is looked at: the parked polls by the build of their workers."""

from collections import Counter

from durable_server.matching.channels import Poll, types_by_build
from durable_server.store.transaction import Taker


def takers_of(polls: list[Poll]) -> list[tuple[Taker, int]]:
    """Whose tasks these polls may be given, and how many polls each of them has.

    A look that took all builds together could find nothing but tasks of a build that no poll has,
    however many others stand behind them.
    """
    counts = Counter(poll.worker.build_id for poll in polls)
    return [
        (Taker(None if types is None else sorted(types), build_id), counts[build_id])
        for build_id, types in types_by_build(polls).items()
    ]
