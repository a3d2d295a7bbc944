"""Where a search begins: at the part of its condition that fewest runs fit, found by an index.

Tables may have no statistics, so the keys of each part are counted, up to KEYS_MAX.
"""

from functools import reduce
from operator import add, and_, attrgetter
from typing import Any, NamedTuple

from peewee import SQL, fn

from durable_server.ids import shard_in
from durable_server.store.conditions import (
    compared,
    conjuncts,
    failed,
    fits,
    run_compared,
    value_column,
)
from durable_server.store.models import Run, RunAttribute
from durable_server.visibility.attributes import BUCKETS
from durable_server.visibility.terms import And, Or, Test

KEYS_MAX = 5_000
_BY_INDEX = {
    "WorkflowId": frozenset({"=", "in", "starts_with", "between"}),
    "WorkflowType": frozenset({"=", "in"}),
}


class Members(NamedTuple):
    """The keys of all runs for which a part of a condition holds.

    `selects` find shard, run id and start; together every key, perhaps some twice. `walk`: the
    table that has an index of them by start, each once, with the condition that picks them.
    `implied`: the part, where it need not be asked of these runs any more.
    """

    selects: tuple[Any, ...]
    walk: Any = None
    picked: Any = None
    implied: Test | None = None

    def every(self) -> Any:
        """A query of all keys, each once or more often."""
        every = reduce(add, self.selects).alias("e")
        return Run.select(every.c.shard, every.c.run_id, every.c.started_at).from_(every)


class Part(NamedTuple):
    """A part of a condition that an index finds. `size`: how many keys it has, up to KEYS_MAX;
    `oldest`: the least start among so many, the newest where there is a walk.
    """

    members: Members
    size: int
    oldest: int

    @property
    def few(self) -> bool:
        """Whether it has so few keys that all of them can be looked at."""
        return self.size < KEYS_MAX

    @property
    def walked(self) -> bool:
        """Whether its keys have an index by start."""
        return self.members.walk is not None

    def keys(self) -> Any:
        """A query of all keys, each once."""
        return self.members.every().distinct()


class Candidates(NamedTuple):
    """The part to begin with, None when that would not help, and every part that an index finds."""

    begin: Part | None
    parts: tuple[Part, ...]


def candidates(tx: Any, namespace: str, where: Any) -> Candidates:
    """Where a search for a bound condition can begin.

    Of two parts with many keys, the one whose newest go back further has fewer.
    """
    found = (_members(namespace, each, tx.kind) for each in conjuncts(where))
    parts = tuple(Part(each, *_reach(tx, each)) for each in found if each is not None)
    possible = (each for each in parts if each.few or each.walked)
    return Candidates(min(possible, key=attrgetter("size", "oldest"), default=None), parts)


def count_keys(tx: Any, members: Members, count_max: int) -> int:
    """How many keys there are, some perhaps counted twice, up to `count_max`."""
    size = 0
    for select in members.selects:
        if size < count_max:
            counted = select.limit(count_max - size).alias("k")
            query = Run.select(fn.COUNT(SQL("*"))).from_(counted)
            size += next(iter(query.tuples().execute(tx.database)))[0]
    return size


def keys_of(model: Any) -> Any:
    """A query of the keys in a table that has runs or values of runs."""
    return model.select(model.shard, model.run_id, model.started_at)


def _reach(tx: Any, members: Members) -> tuple[int, int]:
    """How many keys there are, up to KEYS_MAX, and the oldest start among the newest of them."""
    size, oldest = 0, 0
    for select in members.selects:
        if size >= KEYS_MAX:
            break
        if members.walk is not None:
            select = select.order_by(members.walk.started_at.desc(), members.walk.run_id.desc())
        counted = select.limit(KEYS_MAX).alias("k")
        figures = (fn.COUNT(SQL("*")), fn.MIN(SQL("k.started_at")))
        row = next(iter(Run.select(*figures).from_(counted).tuples().execute(tx.database)))
        size, oldest = size + row[0], row[1] or 0
    return size, oldest


def _members(namespace: str, part: Any, kind: str) -> Members | None:
    if isinstance(part, Test):
        return _of_test(namespace, part, kind)
    if isinstance(part, Or):
        found = [_members(namespace, each, kind) for each in part.parts]
        if None in found:
            return None
        return Members(tuple(one for each in found if each for one in each.selects))
    if isinstance(part, And):
        each_part = (_members(namespace, each, kind) for each in part.parts)
        first = next((each for each in each_part if each is not None), None)
        return None if first is None else Members(first.selects)
    return None


def _of_test(namespace: str, test: Test, kind: str) -> Members | None:
    if test.attribute.custom:
        return _of_attribute(namespace, test)
    name, operator = test.attribute.name, test.operator
    if name == "RunId" and operator in ("=", "in"):
        return _of_run_ids(test.values)
    if name in ("Status", "StatusBucket") and operator == "in":
        return _of_statuses(namespace, test.values)
    if operator not in _BY_INDEX.get(name, ()):
        return None
    model: Any = Run.alias()
    picked = (model.namespace == namespace) & run_compared(test, kind, model)
    walk = model if name == "WorkflowType" and operator == "=" else None
    return Members((keys_of(model).where(picked),), walk, picked, test)


def _of_attribute(namespace: str, test: Test) -> Members | None:
    if test.operator == "missing":
        return None
    model: Any = RunAttribute.alias()
    column = value_column(test.attribute, model)
    conditions = [model.namespace == namespace, model.name == test.attribute.name]
    implied = test if test.operator not in ("!=", "not in") else None
    if test.operator in ("present", "!=", "not in"):
        conditions.append(fits(test.attribute, column))
    else:
        # Said once more so that the index without nulls is used.
        conditions += [column.is_null(False), compared(column, test.operator, test.values)]
    select, picked = keys_of(model), reduce(and_, conditions)
    walk = model if test.operator == "=" else None
    return Members((select.where(picked),), walk, picked, implied)


def _of_run_ids(run_ids: tuple[str, ...]) -> Members:
    selects = []
    for run_id in run_ids:
        model: Any = Run.alias()
        mine = (model.shard == (shard_in(run_id) or 0)) & (model.run_id == run_id)
        selects.append(keys_of(model).where(mine))
    return Members(tuple(selects))


def _of_statuses(namespace: str, statuses: tuple[str, ...]) -> Members | None:
    if set(statuses) <= set(BUCKETS["running"]):
        model: Any = Run.alias()
        picked = (model.namespace == namespace) & model.closed_at.is_null()
        return Members((keys_of(model).where(picked),), model, picked)
    if not set(statuses) <= set(BUCKETS["failed"]):
        return None
    selects = []
    for status in dict.fromkeys(statuses):
        model = Run.alias()
        picked = (model.namespace == namespace) & (model.status == status) & failed(model)
        selects.append(keys_of(model).where(picked))
    return Members(tuple(selects), *((model, picked) if len(selects) == 1 else ()))
