"""Runs that fit several parts of a condition, each of which many runs fit, newest or oldest first.

A walk along one part ends early where its runs often fit the others as well: its first keys tell.
Where they seldom do, the keys that all parts have in common are found in the indexes alone.
"""

from collections.abc import Iterator
from functools import reduce
from operator import and_, attrgetter
from typing import Any

from durable_server.store.candidates import Members, Part, count_keys, keys_of
from durable_server.store.models import Run
from durable_server.store.sources import (
    START,
    Search,
    Source,
    among,
    keys_by_start,
    ordered,
    starts_of,
)

# How many keys the first steps of a walk look at. The bound keeps PostgreSQL from starting parallel
# workers for a page; SQLite looks at all of them, where without a bound it would end with the page.
HEADS = {"postgresql": (500, 10_000), "sqlite": (500,)}
# Fewer keys than this are looked at one by one, more than this are not looked at at all.
COMMON_MIN, COMMON_MAX = 2_000, 50_000
# A walk goes on when its first head filled one part in so many of a page.
SHARE = 5
# How many times wider than the narrowest a third part may be and still be worth reading.
WIDER = 2


def can_meet(search: Search) -> bool:
    """Whether the search is by start alone, and of several parts with many keys each."""
    size = search.begin.size if search.begin else COMMON_MIN
    by_start = [attribute for attribute, _ in search.order] == [START]
    return len(search.parts) > 1 and by_start and size >= COMMON_MIN


def head(search: Search, after: tuple[Any, ...] | None, keys_max: int) -> Source:
    """Those runs among the first keys of the walk behind a place that match."""
    table, query, walked = _walk(search)
    first = ordered(query, keys_by_start(search, table), after)
    for each in starts_of(search, table):
        first = first.where(each)
    return among(search, first.limit(keys_max).alias("k"), walked)


def walks_on(found: int, limit: int) -> bool:
    """Whether a walk whose head found so many runs of a page is near its end."""
    return found * SHARE >= limit


def common(tx: Any, search: Search) -> Source | None:
    """Those runs among the keys that narrow parts have in common that match; None if none is.

    The two narrowest leave few keys. To read a much wider part would cost more than to look at
    the runs of those.
    """
    sizes = sorted(each for each in _sizes(tx, search.parts) if each[0] < COMMON_MAX)
    if not sizes:
        return None
    near = [each for each in sizes[2:] if each[0] < WIDER * sizes[0][0]]
    narrow = tuple(search.parts[place].members for _, place in (*sizes[:2], *near))
    shared = reduce(and_, [each.every() for each in narrow])
    return among(search, shared.alias("k"), narrow)


def _sizes(tx: Any, parts: tuple[Part, ...]) -> Iterator[tuple[int, int]]:
    """How many keys each part has, as far as that matters, with its place among the parts.

    Of those with an index by start only the narrowest is counted: how far back the same number of
    keys goes tells how many times as many the others have.
    """
    many = [each for each in parts if each.walked and not each.few]
    narrowest = min(many, key=attrgetter("oldest"), default=None)
    size = count_keys(tx, narrowest.members, COMMON_MAX) if narrowest else 0
    for place, each in enumerate(parts):
        if each.few:
            yield each.size, place
        elif narrowest is None or not each.walked:
            yield count_keys(tx, each.members, COMMON_MAX), place
        else:
            # Imported runs may have starts that are still to come.
            spans = [max(1, tx.now - one.oldest) for one in (narrowest, each)]
            yield size * spans[0] // spans[1], place


def _walk(search: Search) -> tuple[Any, Any, tuple[Members, ...]]:
    """The table that a search walks along by start, a query of its keys, and who has them all."""
    members = search.begin.members if search.begin else None
    if members is not None and members.walk is not None:
        return members.walk, members.selects[0], (members,)
    every: Any = Run.alias()
    return every, keys_of(every).where(every.namespace == search.namespace), ()
