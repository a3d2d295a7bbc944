"""What is written is what is read: random queries, said and parsed."""

from typing import Any

import pytest
from durable_server.refusal import Refusal
from durable_server.visibility.grammar import parse, parse_condition
from durable_server.visibility.terms import And, Not, Or, Order, Predicate, Query
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_.:-]{0,8}|and|order|null", fullmatch=True)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
LITERALS = TEXTS | NUMBERS | st.booleans()
COMPARISONS = st.builds(
    Predicate,
    NAMES,
    st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
    st.tuples(LITERALS),
)
MEMBERS = st.builds(
    Predicate,
    NAMES,
    st.sampled_from(["in", "not in"]),
    st.lists(LITERALS, min_size=1, max_size=3).map(tuple),
)
OTHERS = (
    st.builds(Predicate, NAMES, st.just("between"), st.tuples(LITERALS, LITERALS))
    | st.builds(Predicate, NAMES, st.just("starts_with"), st.tuples(TEXTS))
    | st.builds(Predicate, NAMES, st.sampled_from(["missing", "present"]))
)
CONDITIONS: Any = st.recursive(
    COMPARISONS | MEMBERS | OTHERS,
    lambda part: (
        st.builds(Not, part)
        | st.builds(And, st.lists(part, min_size=2, max_size=3).map(tuple))
        | st.builds(Or, st.lists(part, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=8,
)
ORDERS = st.lists(st.builds(Order, NAMES, st.booleans()), max_size=3).map(tuple)
QUERIES = st.builds(Query, st.none() | CONDITIONS, ORDERS)


def said(part: Any) -> str:
    if isinstance(part, And | Or):
        word = " AND " if isinstance(part, And) else " OR "
        return word.join(f"({said(each)})" for each in part.parts)
    if isinstance(part, Not):
        return f"NOT ({said(part.part)})"
    name, values = f"`{part.name}`", [literal(value) for value in part.values]
    return {
        "in": f"{name} IN ({', '.join(values)})",
        "not in": f"{name} NOT IN ({', '.join(values)})",
        "between": f"{name} BETWEEN {' AND '.join(values)}",
        "missing": f"{name} IS NULL",
        "present": f"{name} IS NOT NULL",
    }.get(part.operator, f"{name} {part.operator} {''.join(values)}")


def literal(value: Any) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    return str(value).lower() if isinstance(value, bool) else repr(value)


@given(QUERIES)
def test_a_query_is_read_as_it_was_said(query: Query) -> None:
    text = "" if query.where is None else said(query.where)
    keys = [f"`{each.name}` {'DESC' if each.descending else 'ASC'}" for each in query.order]
    if keys:
        text += f" ORDER BY {', '.join(keys)}"

    assert parse(text) == query


@pytest.mark.parametrize(
    ("text", "position"),
    [("", 0), ("  ", 2), ("ORDER BY StartTime", 18), ("A = 1 ORDER BY StartTime DESC, B", 15)],
)
def test_what_addresses_runs_has_a_condition_and_no_order(text: str, position: int) -> None:
    with pytest.raises(Refusal) as refused:
        parse_condition(text)

    assert refused.value.reason == "invalid_visibility_query"
    assert refused.value.facts["position"] == position
    assert parse_condition("A = 1") == parse("A = 1")
