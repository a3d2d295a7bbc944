"""The JSON Schema keywords that this project uses, and what makes a schema break that rule.

The server's stock validator and OpenAPI 3.0 understand an older dialect and silently ignore newer
keywords; whatever is not in `profile.json` is therefore refused, never ignored.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from durable_contracts.defect import Defect
from durable_contracts.locate import Tree
from durable_contracts.reading import read

# Classes and assertions that Python, Rust and ECMAScript read differently.
_UNPORTABLE = re.compile(r"\\[a-zA-Z0-9]|\(\?(?!:|!|=)|[*+?}]\+|&&|--|~~|\[:")
_PORTABLE_ESCAPES = re.compile(r"\\[nrtfv]")


@dataclass(frozen=True)
class Profile:
    """The keywords, types and extension prefix that schemas may use."""

    keywords: frozenset[str]
    types: frozenset[str]
    extensions: str

    def check(self, schema: Any, place: str) -> None:
        """Refuse one schema object (not those it holds) that leaves the profile."""
        for text, name in self._violations(schema):
            raise Defect(f"{place}/{name}" if name else place, text)

    def _violations(self, schema: Any) -> Iterator[tuple[str, str]]:
        if isinstance(schema, bool):
            return
        if not isinstance(schema, dict):
            yield "a schema is an object, true or false", ""
            return
        for name in schema:
            if name not in self.keywords and not name.startswith(self.extensions):
                yield f"the keyword {name!r} is outside profile.json", name
        yield from self._type_violations(schema)
        yield from _value_violations(schema)
        yield from _bound_violations(schema)

    def _type_violations(self, schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
        if "type" not in schema:
            return
        named = schema["type"]
        listed = named if isinstance(named, list) else [named]
        known = all(isinstance(item, str) and item in self.types for item in listed)
        if not listed or not known or len(set(listed)) != len(listed):
            yield f"{named!r} is not a type or a list of different types", "type"


def _value_violations(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    values = schema.get("enum", [])
    if "enum" in schema and (not isinstance(values, list) or not values):
        yield "an enum lists at least one value", "enum"
    elif any(isinstance(value, dict | list) for value in values):
        yield "an enum lists plain values only", "enum"
    if isinstance(schema.get("const"), dict | list):
        yield "a const is a plain value", "const"
    if "const" in schema and "enum" in schema:
        yield "const and enum do not stand together", "const"
    if "$ref" in schema and not isinstance(schema["$ref"], str):
        yield "a reference is a text", "$ref"
    if "pattern" in schema:
        yield from _pattern_violations(schema["pattern"])


def _pattern_violations(pattern: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(pattern, str):
        yield "a pattern is a text", "pattern"
        return
    try:
        re.compile(pattern)
    except re.error as error:
        yield f"the pattern is wrong: {error}", "pattern"
    found = _UNPORTABLE.search(_PORTABLE_ESCAPES.sub("", pattern))
    if found:
        yield f"{found.group()!r} is not read alike by every dialect", "pattern"


def _bound_violations(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for plain, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if plain in schema and exclusive in schema:
            yield f"{plain} and {exclusive} do not stand together", exclusive
        for name in (plain, exclusive):
            bound = schema.get(name, 0)
            if isinstance(bound, bool) or not isinstance(bound, int | float):
                yield "a bound is a number", name
    required = schema.get("required", [])
    if not isinstance(required, list) or len(set(required)) != len(required):
        yield "required lists different names", "required"
    if not isinstance(schema.get("items", {}), dict | bool):
        yield "items is one schema", "items"


def load(tree: Tree) -> Profile:
    """The profile of a tree of contract files."""
    stated = read(tree.profile)
    return Profile(frozenset(stated["keywords"]), frozenset(stated["types"]), stated["extensions"])
