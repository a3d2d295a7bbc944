"""Where the runs of a page come from, and in which order: along an index wherever one has it."""

from collections.abc import Sequence
from functools import reduce
from operator import and_
from typing import Any, NamedTuple

from peewee import JOIN, SQL, Case

from durable_server.store.candidates import Members, Part
from durable_server.store.conditions import (
    NULLABLE,
    compared,
    condition,
    conjuncts,
    fits,
    has_lesser,
    run_column,
    value_column,
    values_of_run,
)
from durable_server.store.models import Run, RunAttribute
from durable_server.visibility.attributes import SYSTEM
from durable_server.visibility.terms import Attribute, Test

START = SYSTEM["StartTime"]
NEWEST_FIRST = ((START, True),)
_ALONG = frozenset({"=", "<", "<=", ">", ">=", "between", "in", "starts_with"})
_MANY_VALUED = frozenset({"keyword", "text", "datetime", "bool"})


class Search(NamedTuple):
    """What is looked for: a bound condition, what is said beside it, and the order."""

    namespace: str
    where: Any
    beside: tuple[Any, ...]
    order: tuple[tuple[Attribute, bool], ...]
    begin: Part | None
    parts: tuple[Part, ...]
    kind: str


class Key(NamedTuple):
    """A column that a page is sorted by; runs without a value of it come last."""

    column: Any
    descending: bool
    nullable: bool = False


class Source(NamedTuple):
    """A part of a query over runs: the table that it begins with, where that is another one, how
    runs join it, what has to hold, and what it is sorted by.
    """

    table: Any
    same: Any
    conditions: tuple[Any, ...]
    keys: tuple[Key, ...]

    def selecting(self, columns: list[Any]) -> Any:
        """A query of these columns over the runs of this source, in no order."""
        query = Run.select(*columns)
        if self.table is not None:
            query = query.from_(self.table).join_from(self.table, Run, JOIN.INNER, on=self.same)
        return query.where(reduce(and_, self.conditions))


def source_of(search: Search, present: bool | None) -> Source:
    """The source of a page. `present`: whether its runs have a value of the first key; None where
    every run has one.
    """
    begin, first = search.begin, search.order[0][0]
    few = begin is not None and begin.few
    if first.custom and present and (not few or _leads_along(begin, first)):
        return _along_values(search)
    if begin is None:
        return _whole(search, present)
    walk, implied = begin.members.walk, [begin.members.implied]
    if first == START and walk is not None and (few or walk.model is RunAttribute):
        conditions = (begin.members.picked, *starts_of(search, walk))
        conditions += _conditions(search, implied, walk)
        return Source(walk, _same_run(walk), conditions, keys_by_start(search, walk))
    if not few:
        return _whole(search, present)
    keys_alone = begin.keys().alias("k")
    source = _whole(search, present, implied)
    return source._replace(table=keys_alone, same=_same_run(keys_alone.c))


def among(search: Search, keys_alone: Any, parts: tuple[Members, ...]) -> Source:
    """The runs of some keys (an aliased query) that match, by start. `parts`: all have the keys."""
    found, implied = keys_alone.c, [each.implied for each in parts]
    conditions = _conditions(search, implied, found)
    return Source(keys_alone, _same_run(found), conditions, keys_by_start(search, found))


def keys_by_start(search: Search, table: Any) -> tuple[Key, ...]:
    """What a search that is first by start is sorted by, in a table that has start and id."""
    return _keys(search, (table.started_at, table.started_at, table.run_id))


def starts_of(search: Search, table: Any) -> tuple[Any, ...]:
    """What is said of starts, said of a table that has them: its index is entered at the place."""
    return tuple(
        compared(table.started_at, each.operator, each.values)
        for each in conjuncts(search.where)
        if isinstance(each, Test) and each.attribute == START and each.operator in _ALONG
    )


def ordered(query: Any, keys: tuple[Key, ...], after: tuple[Any, ...] | None) -> Any:
    """The query sorted by its keys, behind a place where one is given."""
    for key in keys:
        way = key.column.desc() if key.descending else key.column.asc()
        absent = [Case(None, [(key.column.is_null(), 1)], 0).asc()] if key.nullable else []
        query = query.order_by_extend(*absent, way)
    return query if after is None else query.where(_behind(keys, after))


def _leads_along(begin: Part | None, first: Attribute) -> bool:
    """Whether the part to begin with lies along the index that has the order of the page."""
    part = begin.members.implied if begin else None
    along = part is not None and part.attribute == first and part.operator in _ALONG
    return along and first.type not in _MANY_VALUED


def _behind(keys: tuple[Key, ...], after: tuple[Any, ...]) -> Any:
    """What comes after these values in the order of the keys."""
    found, same = SQL("(1 = 0)"), SQL("(1 = 1)")
    for key, value in zip(keys, after, strict=True):
        if value is None:
            same = same & key.column.is_null()
            continue
        beyond = key.column < value if key.descending else key.column > value
        if key.nullable:
            beyond = key.column.is_null() | (key.column.is_null(False) & beyond)
        found = found | (same & beyond)
        same = same & key.column.is_null(False) & (key.column == value)
    head, value = keys[0], after[0]
    if head.nullable:
        return found
    # Said as well, so that an index is entered at the place and not read from its beginning.
    return (head.column <= value if head.descending else head.column >= value) & found


def _whole(search: Search, present: bool | None, implied: Sequence[Any] = ()) -> Source:
    """All runs of the namespace that match, along their starts if that is the order."""
    first = search.order[0][0]
    plain = Run.started_at, Run.run_id
    head = values_of_run(first) if first.custom else run_column(first, search.kind)
    keys = _keys(search, (head, *plain))
    conditions = _conditions(search, implied)
    if present is False:
        keys = keys[1:]
        missing = condition(Test(first, "missing"), search.kind)
        return Source(None, None, (*conditions, missing), keys)
    if present:
        conditions = (*conditions, head.is_null(False))
    return Source(None, None, conditions, keys)


def _along_values(search: Search) -> Source:
    """Along the index of the values of the first key; of several values of a run the least."""
    first = search.order[0][0]
    model: Any = RunAttribute.alias()
    column = value_column(first, model)
    conditions = [model.namespace == search.namespace, model.name == first.name]
    conditions += [column.is_null(False), fits(first, column)]
    implied: list[Test] = []
    if first.type in _MANY_VALUED:
        conditions.append(~has_lesser(first, model))
    else:
        implied = [
            each
            for each in conjuncts(search.where)
            if isinstance(each, Test) and each.attribute == first and each.operator in _ALONG
        ]
        conditions += [compared(column, each.operator, each.values) for each in implied]
    keys = _keys(search, (column, model.started_at, model.run_id))
    conditions += [*starts_of(search, model), *_conditions(search, implied, model)]
    return Source(model, _same_run(model), tuple(conditions), keys)


def _keys(search: Search, columns: tuple[Any, Any, Any]) -> tuple[Key, ...]:
    """The keys of an order. `columns`: of the first key, of the start, of the id; the latter two
    decide between equals, and go the way of the first key.
    """
    (first, descending), others = search.order[0], search.order[1:]
    head, started_at, run_id = columns
    keys = [Key(head, descending)]
    for attribute, downwards in others:
        column = values_of_run(attribute) if attribute.custom else None
        column = run_column(attribute, search.kind) if column is None else column
        keys.append(Key(column, downwards, attribute.custom or attribute.name in NULLABLE))
    if first != START or others:
        keys.append(Key(started_at, descending))
    return (*keys, Key(run_id, descending))


def _conditions(search: Search, implied: Sequence[Any] = (), keys: Any = Run) -> tuple[Any, ...]:
    """What the runs of some keys have to fit, but for the parts that the keys imply."""
    asked = (each for each in conjuncts(search.where) if each not in implied)
    said = (condition(each, search.kind, keys) for each in asked)
    return (Run.namespace == search.namespace, *search.beside, *said)


def _same_run(model: Any) -> Any:
    return (model.shard == Run.shard) & (model.run_id == Run.run_id)
