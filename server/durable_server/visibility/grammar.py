"""The query language of lists: its grammar, and how a text becomes a query."""

import re
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, v_args

from durable_server.refusal import Refusal
from durable_server.visibility.terms import And, Literal, Not, Or, Order, Predicate, Query

QUERY_CHARACTERS_MAX = 4096
PREDICATES_MAX = 64
VALUES_MAX = 256
DEPTH_MAX = 32
ORDER_KEYS_MAX = 3
GRAMMAR = r"""
start: _either? _ordering?
_ordering: _ORDER _BY order ("," order)*
order: _name (ASC | DESC)?

_either: either | _both
either: _both (_OR _both)+
_both: both | _unit
both: _unit (_AND _unit)+
_unit: negation | "(" _either ")" | _predicate
negation: _NOT _unit

_predicate: comparison | member | stranger | between | prefix | missing | present
comparison: _name OPERATOR _value
member: _name _IN "(" _value ("," _value)* ")"
stranger: _name _NOT _IN "(" _value ("," _value)* ")"
between: _name _BETWEEN _value _AND _value
prefix: _name _STARTS_WITH TEXT
missing: _name _IS _NULL
present: _name _IS _NOT _NULL

_name: NAME | QUOTED_NAME
_value: TEXT | NUMBER | TRUE | FALSE

OPERATOR: "<=" | ">=" | "!=" | "<>" | "=" | "<" | ">"
NAME: /[a-z_][a-z0-9_.:-]*/i
QUOTED_NAME: /`[^`]+`/
TEXT: /"(?:[^"\\]|\\.)*"/s | /'(?:[^'\\]|\\.)*'/s
NUMBER: /[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?/i
_AND: "AND"i
_OR: "OR"i
_NOT: "NOT"i
_IN: "IN"i
_IS: "IS"i
_NULL: "NULL"i
_BETWEEN: "BETWEEN"i
_STARTS_WITH: "STARTS_WITH"i
_ORDER: "ORDER"i
_BY: "BY"i
ASC: "ASC"i
DESC: "DESC"i
TRUE: "TRUE"i
FALSE: "FALSE"i

%import common.WS
%ignore WS
"""
# A text that holds none of these is looked for in ids and keys.
_EXPRESSION = re.compile(
    r"[=<>]|\bIN\s*\(|\bBETWEEN\s|\bSTARTS_WITH\s*[\"']|\bIS\s+(NOT\s+)?NULL\b|^\s*ORDER\s+BY\s",
    re.IGNORECASE,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_INTEGER = re.compile(r"[+-]?[0-9]+")


def is_expression(text: str) -> bool:
    """Whether a text is a query of this language rather than a part of an id."""
    return _EXPRESSION.search(text) is not None


def parse(text: str) -> Query:
    """The query that a text says; refuses one that is none: `invalid_visibility_query`."""
    if len(text) > QUERY_CHARACTERS_MAX:
        raise _refused(QUERY_CHARACTERS_MAX, f"A query has at most {QUERY_CHARACTERS_MAX} signs.")
    if "\0" in text:
        raise _refused(text.index("\0"), "U+0000 cannot be part of a query.")
    try:
        query: Any = _parser().parse(text)
    except UnexpectedInput as error:
        raise _syntax(text, error) from None
    _check_size(query)
    return query  # type: ignore[no-any-return]


def parse_condition(text: str) -> Query:
    """The same for a text that has to have a condition, and no order."""
    query = parse(text)
    if query.where is None:
        raise _refused(len(text), "A condition is wanted, which says which runs.")
    if query.order:
        raise _refused(query.order[0].at, "A condition is wanted, without an order.")
    return query


def _refused(position: int, problem: str) -> Refusal:
    violations = [{"pointer": "/query", "message": problem}]
    return Refusal(
        "invalid_visibility_query", position=position, problem=problem, violations=violations
    )


def _syntax(text: str, error: UnexpectedInput) -> Refusal:
    position = error.pos_in_stream
    token = getattr(error, "token", None)
    if (token is not None and token.type == "$END") or position is None or position < 0:
        return _refused(len(text), "The query ends where more was expected.")
    found = str(token) if token is not None else text[position : position + 1]
    return _refused(position, f"{found[:40]!r} was not expected at position {position}.")


def _check_size(query: Query) -> None:
    """Refuse what is too deep or too long to be carried out; looks through it without recursion."""
    if len(query.order) > ORDER_KEYS_MAX:
        raise _refused(query.order[-1].at, f"At most {ORDER_KEYS_MAX} attributes can be sorted by.")
    predicates = values = 0
    waiting = [(query.where, 1)] if query.where is not None else []
    while waiting:
        part, depth = waiting.pop()
        if depth > DEPTH_MAX:
            raise _refused(0, f"Conditions are nested at most {DEPTH_MAX} deep.")
        if isinstance(part, Predicate):
            predicates, values = predicates + 1, values + len(part.values)
            if predicates > PREDICATES_MAX or values > VALUES_MAX:
                text = f"at most {PREDICATES_MAX} predicates and {VALUES_MAX} values"
                raise _refused(part.at, f"A query has {text}.")
        else:
            parts = (part.part,) if isinstance(part, Not) else part.parts
            waiting += [(each, depth + 1) for each in parts]


@v_args(inline=True)
class _Builder(Transformer[Token, Query]):
    def start(self, *parts: Any) -> Query:
        order = tuple(part for part in parts if isinstance(part, Order))
        where = next((part for part in parts if not isinstance(part, Order)), None)
        return Query(where, order)

    def order(self, name: Token, direction: Token | None = None) -> Order:
        descending = direction is not None and direction.type == "DESC"
        return Order(_name(name), descending, name.start_pos or 0)

    def either(self, *parts: Any) -> Or:
        return Or(parts)

    def both(self, *parts: Any) -> And:
        return And(parts)

    def negation(self, part: Any) -> Not:
        return Not(part)

    def comparison(self, name: Token, operator: Token, value: Token) -> Predicate:
        return _predicate(name, "!=" if operator == "<>" else str(operator), value)

    def member(self, name: Token, *values: Token) -> Predicate:
        return _predicate(name, "in", *values)

    def stranger(self, name: Token, *values: Token) -> Predicate:
        return _predicate(name, "not in", *values)

    def between(self, name: Token, low: Token, high: Token) -> Predicate:
        return _predicate(name, "between", low, high)

    def prefix(self, name: Token, text: Token) -> Predicate:
        return _predicate(name, "starts_with", text)

    def missing(self, name: Token) -> Predicate:
        return _predicate(name, "missing")

    def present(self, name: Token) -> Predicate:
        return _predicate(name, "present")


def _predicate(name: Token, operator: str, *values: Token) -> Predicate:
    return Predicate(_name(name), operator, tuple(map(_literal, values)), name.start_pos or 0)


def _name(token: Token) -> str:
    return token[1:-1] if token.type == "QUOTED_NAME" else str(token)


def _literal(token: Token) -> Literal:
    if token.type == "TEXT":
        return _ESCAPED.sub(r"\1", token[1:-1])
    if token.type == "NUMBER":
        return int(token) if _INTEGER.fullmatch(token) else float(token)
    return token.type == "TRUE"


@cache
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", lexer="contextual", transformer=_Builder())
