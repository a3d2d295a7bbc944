"""What is indexed of a run's search attributes: every value, ready for whatever type is declared.

Types are declared, and taken away, without a look at the runs; so a value is kept as all that it
can be: a text also as the instant it names, a whole number also as a double.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from durable_server.clock import instant_of
from durable_server.visibility.attributes import WHOLE_MAX

TEXT_BYTES_MAX = 2048
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d.{0,30}", re.ASCII)


class IndexedValue(NamedTuple):
    """One value of an attribute: as a text, a whole number, a double, an instant; null where it
    is none. Values of a list have positions 0, 1, 2 …
    """

    name: str
    position: int
    text: str | None
    whole: int | None
    number: float | None
    instant: int | None


def indexed_values(attributes: dict[str, Any]) -> list[IndexedValue]:
    """Every value by which a run can be found; of lists the texts, each once."""
    return [
        IndexedValue(name, position, *value)
        for name, given in attributes.items()
        for position, value in enumerate(dict.fromkeys(_values(given)))
    ]


def _values(given: Any) -> Iterator[tuple[Any, Any, Any, Any]]:
    if isinstance(given, list):
        for item in given:
            if isinstance(item, str):
                yield from _text(item)
    elif isinstance(given, bool):
        yield "true" if given else "false", None, None, None
    elif isinstance(given, int):
        yield None, given if abs(given) <= WHOLE_MAX else None, float(given), None
    elif isinstance(given, float):
        whole = int(given) if given.is_integer() and abs(given) <= WHOLE_MAX else None
        yield None, whole, given, None
    elif isinstance(given, str):
        yield from _text(given)


def _text(text: str) -> Iterator[tuple[Any, Any, Any, Any]]:
    if len(text.encode()) <= TEXT_BYTES_MAX:
        instant = instant_of(text) if _INSTANT.fullmatch(text) else None
        yield text, None, None, instant
