"""The parts of a visibility query, as they are read and as they are once their types are known."""

from dataclasses import dataclass, field
from typing import Any

Literal = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Predicate:
    """What is said about one attribute, as it was written.

    operator: = != < <= > >= in, not in, between, starts_with, missing, present. `values`: none for
    the last two, two for between, any number for in. `at`: where it begins in the text.
    """

    name: str
    operator: str
    values: tuple[Literal, ...] = ()
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute and its type: keyword, text, int, double, bool, datetime, keyword_list; and of
    the system's own status, bucket and duration. `custom`: it is one of the namespace.
    """

    name: str
    type: str
    custom: bool


@dataclass(frozen=True, slots=True)
class Test:
    """A predicate whose attribute is known; values are of its type, instants in microseconds.

    operator: = != < <= > >= in, not in, between, starts_with, missing, present.
    """

    attribute: Attribute
    operator: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """What is true where its part is false."""

    part: Any


@dataclass(frozen=True, slots=True)
class And:
    """What is true where all parts are; two or more."""

    parts: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """What is true where any part is; two or more."""

    parts: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """One key to sort by; the attribute's name, and once it is known the attribute."""

    name: str
    descending: bool = False
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Query:
    """A query as it was written; its condition is made of predicates."""

    where: Any = None
    order: tuple[Order, ...] = ()


@dataclass(frozen=True, slots=True)
class Bound:
    """A query whose attributes are known; its condition is made of tests.

    `order` holds (attribute, descending); empty: newest start first.
    """

    where: Any = None
    order: tuple[tuple[Attribute, bool], ...] = ()
