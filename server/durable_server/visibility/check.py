"""What a query means in a namespace: its names become attributes, its literals values of a type."""

from collections.abc import Mapping
from typing import Any

from durable_server.refusal import Refusal
from durable_server.visibility.attributes import SYSTEM, TEXTS, shown_type, value_of
from durable_server.visibility.terms import And, Attribute, Bound, Not, Or, Predicate, Query, Test

_SAME = frozenset({"=", "!=", "in", "not in", "missing", "present"})
_GROUPED = TEXTS - {"text"} | {"bool", "int", "status", "bucket"}


def attribute_of(name: str, definitions: Mapping[str, str], at: int, field: str) -> Attribute:
    """The attribute of this name; `unknown_search_attribute` when the namespace has none.

    `definitions`: the types of the namespace's own attributes. `field`: the parameter to blame.
    """
    found = SYSTEM.get(name)
    if found is not None:
        return found
    if name in definitions:
        return Attribute(name, definitions[name], True)
    raise Refusal(
        "unknown_search_attribute", **_facts(name, at, f"There is no attribute {name}.", field)
    )


def bind(query: Query, definitions: Mapping[str, str]) -> Bound:
    """The query with the types of the namespace; refuses names and values that do not fit."""
    where = None if query.where is None else _condition(query.where, definitions)
    order = []
    for key in query.order:
        attribute = attribute_of(key.name, definitions, key.at, "query")
        if attribute.type in ("keyword_list", "bucket"):
            raise _unsupported(attribute, key.at, "cannot be sorted by", "query")
        order.append((attribute, key.descending))
    return Bound(where, tuple(order))


def grouping(names: list[str], definitions: Mapping[str, str]) -> list[Attribute]:
    """The attributes to count by; refuses those whose values are nearly all different."""
    found = [attribute_of(name, definitions, 0, "group_by") for name in names]
    for attribute in found:
        if attribute.type not in _GROUPED:
            raise _unsupported(attribute, 0, "cannot be counted by", "group_by")
    return found


def _condition(part: Any, definitions: Mapping[str, str]) -> Any:
    if isinstance(part, And | Or):
        return type(part)(tuple(_condition(each, definitions) for each in part.parts))
    if isinstance(part, Not):
        return Not(_condition(part.part, definitions))
    return _test(part, definitions)


def _test(predicate: Predicate, definitions: Mapping[str, str]) -> Test:
    attribute = attribute_of(predicate.name, definitions, predicate.at, "query")
    kind, operator = attribute.type, predicate.operator
    if kind in ("bool", "status", "bucket") and operator not in _SAME:
        raise _unsupported(attribute, predicate.at, f"cannot be compared by {operator}", "query")
    if operator == "starts_with" and kind not in TEXTS:
        raise _unsupported(attribute, predicate.at, "has no beginning", "query")
    try:
        values = tuple(value_of(kind, each) for each in predicate.values)
    except ValueError as error:
        raise _unsupported(attribute, predicate.at, str(error), "query") from None
    if kind in ("status", "bucket"):
        operator = {"=": "in", "!=": "not in"}.get(operator, operator)
        values = tuple(dict.fromkeys(status for each in values for status in each))
    return Test(attribute, operator, values)


def _unsupported(attribute: Attribute, at: int, problem: str, field: str) -> Refusal:
    text = f"{attribute.name} is of type {shown_type(attribute)}, which {problem}."
    return Refusal("unsupported_visibility_predicate", **_facts(attribute.name, at, text, field))


def _facts(name: str, at: int, problem: str, field: str) -> dict[str, Any]:
    violations = [{"pointer": f"/{field}", "message": problem}]
    return {"attribute": name, "position": at, "problem": problem, "violations": violations}
