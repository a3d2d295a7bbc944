"""Runs that match a query: a page of them, and how many there are.

Runs without a value of what they are sorted by come last, in any order: they are asked for apart.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from peewee import JOIN, SQL, Case, NodeList, fn

from durable_server.store import columns, meetings
from durable_server.store.candidates import candidates
from durable_server.store.conditions import (
    NULLABLE,
    compared,
    conjuncts,
    fits,
    run_column,
    value_column,
)
from durable_server.store.models import Run, RunAttribute, RunDetails
from durable_server.store.search_attributes import definitions
from durable_server.store.sources import NEWEST_FIRST, START, Search, Source, ordered, source_of
from durable_server.visibility.attributes import SYSTEM
from durable_server.visibility.check import bind, grouping
from durable_server.visibility.terms import And, Attribute, Bound, Query, Test

GROUPS_MAX = 1_000
NO_QUERY = Query()
_FIELDS = [getattr(Run, name) for name in columns.RUNS.names]
_TEXTS = frozenset({"keyword", "text", "bool", "status"})
_WHOLE_MAX = 2**63 - 1


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

    `after`: the keys of the last run seen and its id; starts and ids go the way of the first key.
    """
    bound = _bound(tx, wanted)
    search = _search(tx, wanted, bound, bound.order or NEWEST_FIRST)
    if after is not None and not _is_place(search.order, after):
        after = None
    first = search.order[0][0]
    if meetings.can_meet(search):
        return _where_parts_meet(tx, search, after, limit)
    if not (first.custom or first.name in NULLABLE):
        return _page(tx, source_of(search, None), after, limit)
    rows: list[FoundRun] = []
    if after is None or after[0] is not None:
        rows = _page(tx, source_of(search, True), after, limit)
    if len(rows) < limit and not _implied(bound.where, first):
        behind = after[1:] if after is not None and after[0] is None else None
        left = _page(tx, source_of(search, False), behind, limit - len(rows))
        rows += [each._replace(keys=(None, *each.keys)) for each in left]
    return rows


def count_matching(tx: Any, wanted: Wanted) -> int:
    """How many runs match."""
    bound = _bound(tx, wanted)
    query = _of_one_value(wanted, bound.where)
    if query is None:
        search = _search(tx, wanted, bound, NEWEST_FIRST)
        source = meetings.common(tx, search) if meetings.can_meet(search) else None
        query = (source or source_of(search, None)).selecting([fn.COUNT(SQL("*"))])
    return int(_rows(tx, query)[0][0])


def count_by(tx: Any, wanted: Wanted, names: list[str]) -> list[tuple[Any, ...]]:
    """(value, …, count) for each combination of values, largest first, up to GROUPS_MAX.

    A run without a value counts under null; one with a list, under each of its texts.
    """
    bound = _bound(tx, wanted)
    attributes = grouping(names, definitions(tx, wanted.namespace))
    models = [RunAttribute.alias() if each.custom else None for each in attributes]
    values = [
        _grouped(tx, each) if model is None else value_column(each, model)
        for each, model in zip(attributes, models, strict=True)
    ]
    source = source_of(_search(tx, wanted, bound, NEWEST_FIRST), None)
    query = source.selecting([*values, fn.COUNT(SQL("*"))])
    for each, model in zip(attributes, models, strict=True):
        if model is not None:
            same = (model.shard == Run.shard) & (model.run_id == Run.run_id)
            mine = same & (model.name == each.name) & fits(each, value_column(each, model))
            query = query.join_from(Run, model, JOIN.LEFT_OUTER, on=mine)
    sorted_by = [
        run_column(each, tx.kind) if model is None else value
        for each, model, value in zip(attributes, models, values, strict=True)
    ]
    absent = [Case(None, [(each.is_null(), 1)], 0) for each in sorted_by]
    ties = [part for pair in zip(absent, sorted_by, strict=True) for part in pair]
    query = query.group_by(*values).order_by(fn.COUNT(SQL("*")).desc(), *ties)
    return _rows(tx, query.limit(GROUPS_MAX))


def _grouped(tx: Any, attribute: Attribute) -> Any:
    """A column to group by; for SQLite one that no index is in the order of, since it would take
    that index before the one that finds the runs.
    """
    column = run_column(attribute, "")
    return NodeList((SQL("+"), column), glue="") if tx.kind == "sqlite" else column


def _bound(tx: Any, wanted: Wanted) -> Bound:
    """The query with its types, and with what is said beside it."""
    bound = bind(wanted.query, definitions(tx, wanted.namespace))
    said = (
        ("WorkflowType", "=", wanted.workflow_type),
        ("TaskQueue", "=", wanted.task_queue),
        ("StartTime", ">=", wanted.started_after),
        ("StartTime", "<=", wanted.started_before),
    )
    tests: list[Any] = [
        Test(SYSTEM[name], operator, (value,))
        for name, operator, value in said
        if value is not None
    ]
    if wanted.statuses:
        tests.append(Test(SYSTEM["Status"], "in", wanted.statuses))
    parts = (*conjuncts(bound.where), *tests)
    where = And(parts) if len(parts) > 1 else parts[0] if parts else None
    return Bound(where, bound.order)


def _search(
    tx: Any, wanted: Wanted, bound: Bound, order: tuple[tuple[Attribute, bool], ...]
) -> Search:
    # What retention has removed is described, but not listed any more.
    beside = [Run.pruned_at.is_null()]
    if wanted.text is not None:
        texts = (Run.workflow_id, Run.workflow_type, Run.business_key)
        id_found, type_found, key_found = (each.contains(wanted.text) for each in texts)
        beside.append(id_found | type_found | key_found)
    begin, parts = candidates(tx, wanted.namespace, bound.where)
    return Search(wanted.namespace, bound.where, tuple(beside), order, begin, parts, tx.kind)


def _of_one_value(wanted: Wanted, where: Any) -> Any:
    """Counts the rows of the index alone where a query asks for one value, and nothing else:
    each run has it once, and what is removed has left the index.
    """
    if not isinstance(where, Test) or not where.attribute.custom or wanted.text is not None:
        return None
    if where.operator != "=":
        return None
    column = value_column(where.attribute)
    return RunAttribute.select(fn.COUNT(SQL("*"))).where(
        RunAttribute.namespace == wanted.namespace,
        RunAttribute.name == where.attribute.name,
        column.is_null(False),
        compared(column, "=", where.values),
    )


def _page(tx: Any, source: Source, after: tuple[Any, ...] | None, limit: int) -> list[FoundRun]:
    # The id is not picked: it is a column of the run.
    picked = [key.column for key in source.keys[:-1]]
    query = source.selecting([*_FIELDS, RunDetails.memo, RunDetails.search_attributes, *picked])
    same = (RunDetails.shard == Run.shard) & (RunDetails.run_id == Run.run_id)
    query = query.join_from(Run, RunDetails, JOIN.LEFT_OUTER, on=same)
    rows = _rows(tx, ordered(query, source.keys, after).limit(limit))
    width = len(_FIELDS)
    return [
        FoundRun(columns.run_of_row(row[:width]), row[width], row[width + 1], row[width + 2 :])
        for row in rows
    ]


def _where_parts_meet(
    tx: Any, search: Search, place: tuple[Any, ...] | None, limit: int
) -> list[FoundRun]:
    after = place
    rows: list[FoundRun] = []
    for step, keys_max in enumerate(meetings.HEADS[tx.kind]):
        rows += _page(tx, meetings.head(search, after, keys_max), None, limit - len(rows))
        if len(rows) == limit:
            return rows
        if not step and not meetings.walks_on(len(rows), limit):
            meeting = meetings.common(tx, search)
            if meeting is not None:
                return _page(tx, meeting, place, limit)
        if rows:
            after = (*rows[-1].keys, rows[-1].run.run_id)
    return rows + _page(tx, source_of(search, None), after, limit - len(rows))


def _is_place(order: tuple[tuple[Attribute, bool], ...], after: tuple[Any, ...]) -> bool:
    """Whether these can be the keys of a run; whoever made them up sees the first page."""
    kinds = [attribute.type for attribute, _ in order]
    if [attribute for attribute, _ in order] != [START]:
        kinds.append("int")
    return (
        len(after) == len(kinds) + 1
        and isinstance(after[-1], str)
        and all(map(_fits_key, kinds, after[:-1]))
        and (after[0] is not None or order[0][0] != START)
    )


def _fits_key(kind: str, value: Any) -> bool:
    if value is None or kind in _TEXTS:
        return value is None or isinstance(value, str)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= _WHOLE_MAX and (kind == "double" or isinstance(value, int))


def _implied(where: Any, attribute: Attribute) -> bool:
    """Whether only runs with a value of the attribute can match."""
    return any(
        isinstance(each, Test) and each.attribute == attribute and each.operator != "missing"
        for each in conjuncts(where)
    )


def _rows(tx: Any, query: Any) -> list[Any]:
    return list(query.tuples().execute(tx.database))
