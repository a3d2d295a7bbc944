"""Runs that fit several parts of a condition, each of which many runs fit, newest or oldest first.

A walk along one part ends early where its runs often fit the others as well: its first keys tell.
Where they seldom do, the keys that all parts have in common are found in the indexes alone.
"""

from functools import reduce
from operator import and_
from typing import Any

from durable_server.store.candidates import Members, count_keys, keys_of
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
    """Those runs among the keys that all narrow parts have that match; None if none is narrow."""
    sizes = [(count_keys(tx, each, COMMON_MAX), each) for each in search.parts]
    narrow = tuple(each for size, each in sizes if size < COMMON_MAX)
    if not narrow:
        return None
    shared = reduce(and_, [each.every() for each in narrow])
    return among(search, shared.alias("k"), narrow)


def _walk(search: Search) -> tuple[Any, Any, tuple[Members, ...]]:
    """The table that a search walks along by start, a query of its keys, and who has them all."""
    members = search.begin.members if search.begin else None
    if members is not None and members.walk is not None:
        return members.walk, members.selects[0], (members,)
    every: Any = Run.alias()
    return every, keys_of(every).where(every.namespace == search.namespace), ()
