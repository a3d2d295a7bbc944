"""What limits of task queues are held against: counters of dispatches, and leases."""

import operator
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any, NamedTuple

from peewee import SQL, Case, fn

from durable_server.store.models import DispatchCounter as Row
from durable_server.store.models import Task

LEASES_MAX = 100_000
Key = tuple[str, str, str, str]


class Leases(NamedTuple):
    """Leased tasks, and how many of them whose lease has run out."""

    leased: int
    expired: int


_KEY = (Row.namespace, Row.kind, Row.scope, Row.name)


def make_counters(tx: Any, keys: Sequence[Key]) -> None:
    """Have a row for each counter (namespace, kind, scope, name); those that are there stay."""
    names = [field.name for field in _KEY]
    rows = [{**dict(zip(names, key, strict=True)), "minute": 0, "dispatches": 0} for key in keys]
    Row.insert_many(rows).on_conflict_ignore().execute(tx.database)


def lock_counters(tx: Any, keys: Sequence[Key]) -> dict[Key, tuple[int, int]]:
    """Counters (minute, dispatches), held until the transaction ends; those that another holds are
    left out, so that nobody waits. On SQLite the write transaction is the lock.
    """
    query: Any = Row.select(*_KEY, Row.minute, Row.dispatches).where(_any_of(keys))
    query = query.order_by(*_KEY)
    if tx.kind == "postgresql":
        query = query.for_update("FOR UPDATE SKIP LOCKED")
    return {tuple(row[:4]): tuple(row[4:]) for row in query.tuples().execute(tx.database)}


def read_counters(tx: Any, keys: Sequence[Key]) -> dict[Key, tuple[int, int]]:
    """Counters (minute, dispatches) as they are stored, not locked."""
    if not keys:
        return {}
    query = Row.select(*_KEY, Row.minute, Row.dispatches).where(_any_of(keys))
    return {tuple(row[:4]): tuple(row[4:]) for row in query.tuples().execute(tx.database)}


def write_counters(tx: Any, counters: Iterable[tuple[Key, tuple[int, int]]]) -> None:
    """Set counters that this transaction holds."""
    for key, (minute, dispatches) in counters:
        change = Row.update(minute=minute, dispatches=dispatches)
        change.where(_any_of([key])).execute(tx.database)


def count_leases(tx: Any, namespace: str, now: int) -> dict[tuple[str, str], Leases]:
    """The leased tasks of a namespace by (task queue, kind), counted up to LEASES_MAX."""
    # The condition stands as literally as in the partial index, which is of no use otherwise.
    leased = (
        Task.select(Task.task_queue, Task.kind, Task.lease_expires_at)
        .where(Task.namespace == namespace, SQL("status = 'leased'"))
        .limit(LEASES_MAX)
        .alias("leased")
    )
    queue = (leased.c.task_queue, leased.c.kind)
    expired = fn.SUM(Case(None, ((leased.c.lease_expires_at <= now, 1),), 0))
    query = Task.select(*queue, fn.COUNT(SQL("*")), expired).from_(leased).group_by(*queue)
    rows = query.tuples().execute(tx.database)
    return {(queue, kind): Leases(count, int(expired)) for queue, kind, count, expired in rows}


def _any_of(keys: Sequence[Key]) -> Any:
    return reduce(operator.or_, map(_is, keys))


def _is(key: Key) -> Any:
    return reduce(operator.and_, (field == value for field, value in zip(_KEY, key, strict=True)))
