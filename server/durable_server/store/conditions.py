"""How a bound visibility query becomes conditions on runs; every value is a bound parameter.

A comparison with what a run does not have is false, so that no condition is ever null.
"""

from functools import reduce
from operator import and_, ge, gt, le, lt, or_
from typing import Any

from peewee import SQL, Expression, NodeList, fn

from durable_server.store.models import FAILED, Run, RunAttribute
from durable_server.visibility.attributes import BUCKETS
from durable_server.visibility.terms import And, Attribute, Not, Test

_COLUMNS = {"int": "whole", "double": "number", "datetime": "instant"}
_COMPARE = {"<": lt, "<=": le, ">": gt, ">=": ge}
_LAST = 0x10FFFF
_SURROGATES = (0xD800, 0xDFFF)
_SYSTEM: dict[str, Any] = {
    "WorkflowType": Run.workflow_type,
    "WorkflowId": Run.workflow_id,
    "RunId": Run.run_id,
    "Status": Run.status,
    "StatusBucket": Run.status,
    "StartTime": Run.started_at,
    "CloseTime": Run.closed_at,
    "TaskQueue": Run.task_queue,
    "BuildId": Run.build_id,
    "ClosedReason": Run.closed_reason,
    "BusinessKey": Run.business_key,
    "RunNumber": Run.run_number,
    "HistoryLength": Run.last_sequence,
    "HistoryBytes": Run.history_bytes,
    "ExecutionDuration": Run.closed_at - Run.started_at,
}
NULLABLE = frozenset({"CloseTime", "BuildId", "ClosedReason", "BusinessKey", "ExecutionDuration"})
_TEXT_COLUMNS = frozenset({"keyword", "status", "bucket"})
# How PostgreSQL compares byte by byte, whatever the collation of a column; an index may serve it.
_BYTEWISE = {"<": "~<~", "<=": "~<=~", ">": "~>~", ">=": "~>=~"}
_EXACT = frozenset({"=", "!=", "in", "not in"})
_FLAGS = ("true", "false")
_OPEN, _FAILED = frozenset(BUCKETS["running"]), frozenset(BUCKETS["failed"])
_STATUSES = ("status", "bucket")


def conjuncts(where: Any) -> tuple[Any, ...]:
    """The parts that must all be true."""
    if where is None:
        return ()
    return where.parts if isinstance(where, And) else (where,)


def condition(part: Any, kind: str, keys: Any = Run) -> Any:
    """The condition on `runs` that a part of a bound query stands for; `kind`: the database's.

    `keys`: a table that has the keys of the runs; values are looked up by what it says.
    """
    if isinstance(part, Test):
        return _custom(part, keys) if part.attribute.custom else _of_run(part, kind)
    if isinstance(part, Not):
        return ~condition(part.part, kind, keys)
    joined = and_ if isinstance(part, And) else or_
    return reduce(joined, [condition(each, kind, keys) for each in part.parts])


def compared(column: Any, operator: str, values: tuple[Any, ...]) -> Any:
    """A column held against values of its type; not for the two that ask whether it is there."""
    if operator == "=":
        return column == values[0]
    if operator == "!=":
        return column != values[0]
    if operator == "in":
        return column.in_(values)
    if operator == "not in":
        return column.not_in(values)
    if operator == "between":
        return (column >= values[0]) & (column <= values[1])
    if operator == "starts_with":
        after = _after_prefix(values[0])
        return column >= values[0] if after is None else (column >= values[0]) & (column < after)
    return _COMPARE[operator](column, values[0])


def failed(model: Any) -> Any:
    """Whether a run has closed without its result, in the words of the index of such runs."""
    return NodeList((model.status, SQL(FAILED)))


def value_column(attribute: Attribute, model: Any = RunAttribute) -> Any:
    """The column of the index that holds values of the attribute's type."""
    return getattr(model, _COLUMNS.get(attribute.type, "text"))


def fits(attribute: Attribute, column: Any) -> Any:
    """Whether a value of the index is one of the attribute's type."""
    present = column.is_null(False)
    return present & column.in_(_FLAGS) if attribute.type == "bool" else present


def run_compared(test: Test, kind: str, model: Any = Run) -> Any:
    """What a run has for an attribute of the system, held against the values of a test."""
    column = _SYSTEM[test.attribute.name]
    if model is not Run:
        column = getattr(model, column.name)
    if test.operator in _EXACT or test.attribute.type not in _TEXT_COLUMNS or kind == "sqlite":
        return compared(column, test.operator, test.values)
    return _bytewise(column, test.operator, test.values)


def _bytewise(column: Any, operator: str, values: tuple[Any, ...]) -> Any:
    def held(sign: str, value: Any) -> Any:
        return Expression(column, _BYTEWISE[sign], value)

    if operator == "between":
        return held(">=", values[0]) & held("<=", values[1])
    if operator == "starts_with":
        after = _after_prefix(values[0])
        begins = held(">=", values[0])
        return begins if after is None else begins & held("<", after)
    return held(operator, values[0])


def run_column(attribute: Attribute, kind: str) -> Any:
    """What a run has for an attribute of the system, compared byte by byte."""
    column = _SYSTEM[attribute.name]
    if attribute.type in _TEXT_COLUMNS and kind == "postgresql":
        return column.collate('"C"')
    return column


def values_of_run(attribute: Attribute) -> Any:
    """The one value that a run has of a custom attribute, or null; for sorting."""
    model = RunAttribute.alias()
    column = value_column(attribute, model)
    mine = _mine(model, attribute, Run)
    query = model.select(fn.MIN(column)).where(*mine, fits(attribute, column))
    return fn.COALESCE(query, SQL("NULL"))


def has_lesser(attribute: Attribute, model: Any) -> Any:
    """Whether the run of a row of the index has a lesser value of the same attribute."""
    other = RunAttribute.alias()
    same = (other.shard == model.shard) & (other.run_id == model.run_id)
    lesser = value_column(attribute, other) < value_column(attribute, model)
    query = other.select(SQL("1")).where(same, other.name == attribute.name, lesser)
    return fn.EXISTS(query)


def _of_run(test: Test, kind: str) -> Any:
    plain, name = _SYSTEM[test.attribute.name], test.attribute.name
    if test.operator == "missing":
        return plain.is_null() if name in NULLABLE else _never()
    if test.operator == "present":
        return plain.is_null(False) if name in NULLABLE else ~_never()
    found = run_compared(test, kind)
    if test.attribute.type in _STATUSES and test.operator == "in" and set(test.values) <= _OPEN:
        # What follows from it is said as well, for the index of open runs.
        found = found & Run.closed_at.is_null()
    elif test.attribute.type in _STATUSES and test.operator == "in" and set(test.values) <= _FAILED:
        found = found & failed(Run)
    return plain.is_null(False) & found if name in NULLABLE else found


def _custom(test: Test, keys: Any) -> Any:
    model = RunAttribute.alias()
    column = value_column(test.attribute, model)
    mine = _mine(model, test.attribute, keys)
    negative = {"!=": "=", "not in": "in"}.get(test.operator)
    if test.operator == "missing":
        return ~_exists(model, mine, fits(test.attribute, column))
    if test.operator == "present":
        return _exists(model, mine, fits(test.attribute, column))
    if negative is None:
        return _exists(model, mine, compared(column, test.operator, test.values))
    equal = _custom(Test(test.attribute, negative, test.values), keys)
    return _exists(model, mine, fits(test.attribute, column)) & ~equal


def _exists(model: Any, mine: tuple[Any, ...], found: Any) -> Any:
    # An offset keeps PostgreSQL from turning the probe into a join that it begins with.
    query = model.select(SQL("1")).where(*mine, found).limit(1).offset(0)
    return fn.EXISTS(query)


def _mine(model: Any, attribute: Attribute, keys: Any) -> tuple[Any, ...]:
    same = (model.shard == keys.shard) & (model.run_id == keys.run_id)
    return same, model.name == attribute.name


def _never() -> Any:
    return SQL("(1 = 0)")


def _after_prefix(prefix: str) -> str | None:
    """The first text behind all that begin with the prefix, or None when there is none."""
    for place in range(len(prefix) - 1, -1, -1):
        code = ord(prefix[place]) + 1
        if code <= _LAST:
            code = _SURROGATES[1] + 1 if _SURROGATES[0] <= code <= _SURROGATES[1] else code
            return prefix[:place] + chr(code)
    return None
