"""Holding an answer against what a scenario expects.

Objects are compared in part: members that are not mentioned may be anything. An object with one
member that is a matcher's name is that matcher; `equals` says an object literally.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from durable_conformance.verdict import Broken, Undecided

_SHOWN = 160
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}


def check(expected: Mapping[str, Any], status: int, headers: Mapping[str, str], body: Any) -> None:
    """Raise Broken unless status, headers and body are what was expected."""
    problems = []
    if "status" in expected:
        problems += mismatches(expected["status"], status, "status")
    for name, wanted in expected.get("headers", {}).items():
        problems += _member(wanted, headers, name.lower(), f"header {name}")
    if "body" in expected:
        problems += mismatches(expected["body"], body, "body")
    if problems:
        raise Broken("; ".join(problems))


def mismatches(expected: Any, actual: Any, place: str) -> list[str]:
    """Every difference between an expectation and a value, each with its place."""
    matcher = _matcher(expected)
    if matcher is not None:
        return matcher(next(iter(expected.values())), actual, place)
    if isinstance(expected, dict):
        return _object(expected, actual, place)
    if isinstance(expected, list):
        return _array(expected, actual, place)
    return [] if _same(expected, actual) else [_differs(place, expected, actual)]


def _matcher(expected: Any) -> Callable[[Any, Any, str], list[str]] | None:
    if isinstance(expected, dict) and len(expected) == 1:
        return MATCHERS.get(next(iter(expected)))
    return None


def _object(expected: dict[str, Any], actual: Any, place: str) -> list[str]:
    if not isinstance(actual, dict):
        return [_differs(place, "an object", actual)]
    problems = []
    for name, wanted in expected.items():
        problems += _member(wanted, actual, name, f"{place}.{name}")
    return problems


def _member(wanted: Any, actual: Mapping[str, Any], name: str, place: str) -> list[str]:
    if wanted == {"absent": True}:
        return [f"{place} is there: {_short(actual[name])}"] if name in actual else []
    if name not in actual:
        return [f"{place} is missing"]
    return mismatches(wanted, actual[name], place)


def _array(expected: list[Any], actual: Any, place: str) -> list[str]:
    if not isinstance(actual, list):
        return [_differs(place, "an array", actual)]
    if len(actual) != len(expected):
        return [f"{place} has {len(actual)} items, expected {len(expected)}"]
    problems = []
    for index, (wanted, item) in enumerate(zip(expected, actual, strict=True)):
        problems += mismatches(wanted, item, f"{place}.{index}")
    return problems


def _same(expected: Any, actual: Any) -> bool:
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, dict) and isinstance(actual, dict):
        keys = expected.keys() == actual.keys()
        return keys and all(_same(value, actual[key]) for key, value in expected.items())
    if isinstance(expected, list) and isinstance(actual, list):
        pairs = zip(expected, actual, strict=False)
        return len(expected) == len(actual) and all(_same(one, two) for one, two in pairs)
    return bool(expected == actual)


def _is_type(name: str, actual: Any) -> bool:
    if name == "value":
        return True
    if name not in _TYPES:
        raise Undecided(f"there is no type {name!r}")
    if isinstance(actual, bool):
        return name == "boolean"
    return isinstance(actual, _TYPES[name])


def _any(wanted: Any, actual: Any, place: str) -> list[str]:
    names = wanted if isinstance(wanted, list) else [wanted]
    if any(_is_type(name, actual) for name in names):
        return []
    return [_differs(place, " or ".join(names), actual)]


def _matches(pattern: str, actual: Any, place: str) -> list[str]:
    if isinstance(actual, str) and re.search(pattern, actual):
        return []
    return [_differs(place, f"text like {pattern}", actual)]


def _length(wanted: Any, actual: Any, place: str) -> list[str]:
    if not isinstance(actual, str | list | dict):
        return [_differs(place, "something with a length", actual)]
    return mismatches(wanted, len(actual), f"length of {place}")


def _one_of(choices: list[Any], actual: Any, place: str) -> list[str]:
    if any(not mismatches(choice, actual, place) for choice in choices):
        return []
    return [_differs(place, f"one of {_short(choices)}", actual)]


def _all_of(wanted: list[Any], actual: Any, place: str) -> list[str]:
    return [problem for each in wanted for problem in mismatches(each, actual, place)]


def _not(unwanted: Any, actual: Any, place: str) -> list[str]:
    if mismatches(unwanted, actual, place):
        return []
    return [f"{place} is {_short(actual)}, which it must not be"]


def _contains(wanted: Any, actual: Any, place: str) -> list[str]:
    if isinstance(actual, str) and isinstance(wanted, str):
        return [] if wanted in actual else [_differs(place, f"text with {wanted!r}", actual)]
    if not isinstance(actual, list):
        return [_differs(place, "an array", actual)]
    if any(not mismatches(wanted, item, place) for item in actual):
        return []
    return [f"{place} has no item like {_short(wanted)}: {_short(actual)}"]


def _each(wanted: Any, actual: Any, place: str) -> list[str]:
    if not isinstance(actual, list):
        return [_differs(place, "an array", actual)]
    problems = []
    for index, item in enumerate(actual):
        problems += mismatches(wanted, item, f"{place}.{index}")
    return problems


def _equals(wanted: Any, actual: Any, place: str) -> list[str]:
    return [] if _same(wanted, actual) else [_differs(place, wanted, actual)]


def _absent(wanted: Any, actual: Any, place: str) -> list[str]:
    raise Undecided(f"{place}: absent stands only for a member, and only with true")


def _compares(words: str, holds: Callable[[Any, Any], bool]) -> Callable[..., list[str]]:
    def compare(bound: Any, actual: Any, place: str) -> list[str]:
        alike = isinstance(actual, str) == isinstance(bound, str)
        comparable = isinstance(actual, int | float | str) and not isinstance(actual, bool)
        if alike and comparable and holds(actual, bound):
            return []
        return [_differs(place, f"{words} {bound}", actual)]

    return compare


MATCHERS: dict[str, Callable[[Any, Any, str], list[str]]] = {
    "any": _any,
    "matches": _matches,
    "length": _length,
    "one_of": _one_of,
    "all_of": _all_of,
    "not": _not,
    "contains": _contains,
    "each": _each,
    "equals": _equals,
    "absent": _absent,
    "at_least": _compares("at least", lambda actual, bound: actual >= bound),
    "at_most": _compares("at most", lambda actual, bound: actual <= bound),
    "later_than": _compares("later than", lambda actual, bound: actual > bound),
}


def _differs(place: str, expected: Any, actual: Any) -> str:
    return f"{place} is {_short(actual)}, expected {_short(expected)}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
