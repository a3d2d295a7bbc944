"""Runs that match a query: a page of them, and how many there are.

A query is carried out from its narrowest part where that holds few runs, else along the starts.
"""

from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any, NamedTuple

from peewee import JOIN, SQL, Case, fn

from durable_server.store import columns
from durable_server.store.conditions import (
    NULLABLE,
    compared,
    condition,
    conjuncts,
    run_column,
    value_column,
    values_of_run,
)
from durable_server.store.models import Run, RunAttribute, RunDetails
from durable_server.store.search_attributes import definitions
from durable_server.visibility.check import bind, grouping
from durable_server.visibility.terms import Bound, Query, Test

KEYS_MAX = 5_000
GROUPS_MAX = 1_000
NO_QUERY = Query()
_FIELDS = [getattr(Run, name) for name in columns.RUNS.names]
_NARROW = {
    "WorkflowId": Run.workflow_id,
    "WorkflowType": Run.workflow_type,
}


@dataclass(frozen=True)
class Wanted:
    """Which runs of a namespace: what a query says, and what is said beside it.

    `text`: a part of workflow id, type or business key. Instants: microseconds.
    """

    namespace: str
    query: Query = NO_QUERY
    workflow_type: str | None = None
    statuses: tuple[str, ...] = ()
    task_queue: str | None = None
    text: str | None = None
    started_after: int | None = None
    started_before: int | None = None


class FoundRun(NamedTuple):
    """A run, its memo and attributes (JSON texts), and what it is sorted by."""

    run: Any
    memo: str | None
    search_attributes: str | None
    keys: tuple[Any, ...]


def list_matching(
    tx: Any, wanted: Wanted, after: tuple[Any, ...] | None, limit: int
) -> list[FoundRun]:
    """Runs in the query's order, newest start first where it has none.

    `after`: the keys of the last run seen and its id; ids go the way of the first key.
    """
    bound = bind(wanted.query, definitions(tx, wanted.namespace))
    keys = _sort_keys(bound, tx.kind)
    same = (RunDetails.shard == Run.shard) & (RunDetails.run_id == Run.run_id)
    picked = [key.column for key in keys]
    query = _from(
        tx,
        wanted,
        bound,
        Run.select(*_FIELDS, RunDetails.memo, RunDetails.search_attributes, *picked),
    ).join_from(Run, RunDetails, JOIN.LEFT_OUTER, on=same)
    tie = _Key(Run.run_id, keys[0].descending, False)
    for key in keys:
        query = query.order_by_extend(*_ordering(key))
    query = query.order_by_extend(*_ordering(tie)).limit(limit)
    if after is not None:
        query = query.where(_behind([*keys, tie], after))
    width = len(_FIELDS)
    return [
        FoundRun(columns.run_of_row(row[:width]), row[width], row[width + 1], row[width + 2 :])
        for row in _rows(tx, query)
    ]


def count_matching(tx: Any, wanted: Wanted) -> int:
    """How many runs match."""
    bound = bind(wanted.query, definitions(tx, wanted.namespace))
    query = _from(tx, wanted, bound, Run.select(fn.COUNT(SQL("*"))))
    return int(_rows(tx, query)[0][0])


def count_by(tx: Any, wanted: Wanted, names: list[str]) -> list[tuple[Any, ...]]:
    """(value, …, count) for each combination of values, largest first, up to GROUPS_MAX.

    A run without a value counts under null; one with a list, under each of its texts.
    """
    known = definitions(tx, wanted.namespace)
    bound, attributes = bind(wanted.query, known), grouping(names, known)
    models = [RunAttribute.alias() if each.custom else None for each in attributes]
    values = [
        run_column(each, "") if model is None else value_column(each, model)
        for each, model in zip(attributes, models, strict=True)
    ]
    query = _from(tx, wanted, bound, Run.select(*values, fn.COUNT(SQL("*"))))
    for each, model in zip(attributes, models, strict=True):
        if model is not None:
            same = (model.shard == Run.shard) & (model.run_id == Run.run_id)
            mine = same & (model.name == each.name) & value_column(each, model).is_null(False)
            query = query.join_from(Run, model, JOIN.LEFT_OUTER, on=mine)
    query = query.group_by(*values).order_by(fn.COUNT(SQL("*")).desc(), *values)
    return _rows(tx, query.limit(GROUPS_MAX))


class _Key(NamedTuple):
    column: Any
    descending: bool
    nullable: bool


def _sort_keys(bound: Bound, kind: str) -> list[_Key]:
    keys = []
    for attribute, descending in bound.order:
        column = values_of_run(attribute) if attribute.custom else run_column(attribute, kind)
        nullable = attribute.custom or attribute.name in NULLABLE
        keys.append(_Key(column, descending, nullable))
    return keys or [_Key(Run.started_at, True, False)]


def _ordering(key: _Key) -> list[Any]:
    way = key.column.desc() if key.descending else key.column.asc()
    return [_absent(key).asc(), way] if key.nullable else [way]


def _absent(key: _Key) -> Any:
    return Case(None, [(key.column.is_null(), 1)], 0)


def _behind(keys: list[_Key], after: tuple[Any, ...]) -> Any:
    """What comes after these values in the order of the keys; runs without a value come last."""
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
    return found


def _from(tx: Any, wanted: Wanted, bound: Bound, query: Any) -> Any:
    """The query over runs that match, begun with the narrowest part."""
    conditions = [*_beside(wanted), *(condition(each, tx.kind) for each in conjuncts(bound.where))]
    sets = [_members(wanted.namespace, each) for each in conjuncts(bound.where)]
    sizes = [(_size(tx, each), place) for place, each in enumerate(sets) if each is not None]
    size, place = min(sizes, default=(KEYS_MAX, 0))
    if size < KEYS_MAX:
        keys = sets[place].limit(KEYS_MAX).alias("k")
        same = (Run.shard == keys.c.shard) & (Run.run_id == keys.c.run_id)
        query = query.from_(keys).join_from(keys, Run, JOIN.INNER, on=same)
    return query.where(reduce(and_, conditions))


def _size(tx: Any, members: Any) -> int:
    counted = members.limit(KEYS_MAX).alias("k")
    query = Run.select(fn.COUNT(SQL("*"))).from_(counted)
    return int(_rows(tx, query)[0][0])


def _members(namespace: str, part: Any) -> Any:
    """The keys of all runs for which one test holds, where an index has them; else None."""
    if not isinstance(part, Test) or part.operator in ("!=", "not in", "missing", "present"):
        return None
    model: Any
    if part.attribute.custom:
        model = RunAttribute.alias()
        found = compared(value_column(part.attribute, model), part.operator, part.values)
        query = model.select(model.shard, model.run_id).distinct()
        return query.where(model.namespace == namespace, model.name == part.attribute.name, found)
    if part.attribute.name in _NARROW and part.operator in ("=", "in"):
        model = Run.alias()
        column = getattr(model, _NARROW[part.attribute.name].name)
        found = compared(column, part.operator, part.values)
        return model.select(model.shard, model.run_id).where(model.namespace == namespace, found)
    return None


def _beside(wanted: Wanted) -> list[Any]:
    # What retention has removed is described, but not listed any more.
    conditions: list[Any] = [Run.namespace == wanted.namespace, Run.pruned_at.is_null()]
    if wanted.workflow_type is not None:
        conditions.append(Run.workflow_type == wanted.workflow_type)
    if wanted.task_queue is not None:
        conditions.append(Run.task_queue == wanted.task_queue)
    if wanted.statuses:
        conditions.append(Run.status.in_(wanted.statuses))
    if wanted.started_after is not None:
        conditions.append(Run.started_at >= wanted.started_after)
    if wanted.started_before is not None:
        conditions.append(Run.started_at <= wanted.started_before)
    if wanted.text is not None:
        texts = (Run.workflow_id, Run.workflow_type, Run.business_key)
        id_found, type_found, key_found = (each.contains(wanted.text) for each in texts)
        conditions.append(id_found | type_found | key_found)
    return conditions


def _rows(tx: Any, query: Any) -> list[Any]:
    return list(query.tuples().execute(tx.database))
