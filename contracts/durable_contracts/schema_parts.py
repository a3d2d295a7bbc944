"""A schema as one flat set of demands: references followed, `allOf` drawn together.

Each demand remembers the JSON pointer where it is written. What cannot be drawn together keeps
its own text under `rest`; two schemas are then alike only if those texts are.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from durable_contracts.reading import escape

COMPONENTS = "/components/schemas/"
_REFERENCE = re.compile(r'"\$ref": "(#/components/[^"]+)"')
ANNOTATIONS = frozenset(
    ("title", "description", "examples", "example", "$comment", "$schema", "$id", "externalDocs")
)
NOTES = ANNOTATIONS | {"deprecated", "default", "discriminator"}
CHOICES = ("anyOf", "oneOf")
_HELD = {"$ref", "allOf", "$defs"}
_LOWER = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
_UPPER = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}
Schema = dict[str, Any]


@dataclass(frozen=True)
class Placed:
    """A schema and the JSON pointer where it is written."""

    schema: Any
    pointer: str


Together = tuple[Placed, ...]


@dataclass
class Flat:
    """Everything that schemas which hold together demand."""

    pointer: str
    keywords: dict[str, Any] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    properties: dict[str, Together] = field(default_factory=dict)
    items: Together = ()
    others: bool | Together = True
    choice: tuple[str, tuple[Together, ...]] | None = None
    rest: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)

    def at(self, keyword: str) -> str:
        """Where a keyword is written, or would be."""
        return f"{self.places.get(keyword, self.pointer)}/{keyword}"


def plain_text(value: Any) -> str:
    """A value as text by which JSON values are alike or not: 1 is 1.0 and is not true."""
    return json.dumps(_whole(value), sort_keys=True)


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _whole(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def touched(old: dict[str, Any], new: dict[str, Any]) -> frozenset[str]:
    """The references to components that differ, or that hold one that does."""
    before, after = _component_texts(old), _component_texts(new)
    found = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    holders: dict[str, set[str]] = {}
    for name, text in after.items():
        for held in references(text):
            holders.setdefault(held, set()).add(name)
    waiting = list(found)
    while waiting:
        for holder in holders.get(waiting.pop(), set()) - found:
            found.add(holder)
            waiting.append(holder)
    return frozenset(found)


def references(text: str) -> set[str]:
    """The references that the text of a JSON document holds."""
    return set(_REFERENCE.findall(text))


def _component_texts(components: dict[str, Any]) -> dict[str, str]:
    return {
        f"#/components/{section}/{name}": json.dumps(node)
        for section, held in components.items()
        for name, node in held.items()
    }


def is_never(together: Together, components: dict[str, Any]) -> bool:
    """Whether nothing can pass, said plainly: `false`, or `not` of everything."""
    return any(
        schema is False or (isinstance(schema, dict) and schema.get("not") in ({}, True))
        for schema, _ in _parts(together, components, frozenset())
    )


def flatten(together: Together, components: dict[str, Any]) -> Flat:
    """The demands of schemas that hold together."""
    parts = list(_parts(together, components, frozenset()))
    flat = Flat(parts[0][1] if parts else together[0].pointer)
    for schema, pointer in parts:
        if isinstance(schema, bool):
            schema = {} if schema else {"not": {}}
        for keyword, value in _older_dialect(schema).items():
            if keyword not in _HELD:
                _add(flat, keyword, value, pointer)
    return flat


def _parts(
    together: Together, components: dict[str, Any], known: frozenset[str]
) -> Iterator[tuple[Any, str]]:
    for placed in together:
        schema, pointer = placed.schema, placed.pointer
        if isinstance(schema, bool):
            yield schema, pointer
            continue
        if set(schema) - _HELD:
            yield schema, pointer
        held: list[Placed] = []
        name = str(schema.get("$ref", "")).rsplit("/", 1)[-1]
        if "$ref" in schema and name not in known:
            held.append(Placed(components[name], f"{COMPONENTS}{escape(name)}"))
        held += [
            Placed(inner, f"{pointer}/allOf/{index}")
            for index, inner in enumerate(schema.get("allOf", ()))
        ]
        yield from _parts(tuple(held), components, known | {name} if name else known)


def _older_dialect(schema: Schema) -> Schema:
    # OpenAPI 3.0 says "or null" and "not the bound itself" with flags.
    result = {key: value for key, value in schema.items() if key != "nullable"}
    if schema.get("nullable") is True and "type" in schema:
        named = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        result["type"] = [*named, "null"]
    for plain, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(result.get(exclusive), bool) and result.pop(exclusive):
            result[exclusive] = result.pop(plain)
    return result


def _add(flat: Flat, keyword: str, value: Any, pointer: str) -> None:
    place = f"{pointer}/{keyword}"
    if keyword in ANNOTATIONS or keyword.startswith("x-"):
        flat.annotations.setdefault(f"{keyword}: {plain_text(value)}", pointer)
    elif keyword == "properties":
        for name, schema in value.items():
            at = Placed(schema, f"{place}/{escape(name)}")
            flat.properties[name] = (*flat.properties.get(name, ()), at)
    elif keyword == "items":
        flat.items = (*flat.items, Placed(value, place))
    elif keyword == "additionalProperties":
        _add_others(flat, value, place)
    elif keyword in CHOICES and flat.choice is None:
        variants = tuple((Placed(each, f"{place}/{i}"),) for i, each in enumerate(value))
        flat.choice = (keyword, variants)
        flat.places[keyword] = pointer
    elif keyword not in flat.keywords and keyword not in CHOICES:
        flat.keywords[keyword] = value
        flat.places[keyword] = pointer
    elif not _united(flat, keyword, value):
        flat.rest[f"{keyword}: {plain_text(value)}"] = place


def _add_others(flat: Flat, value: Any, place: str) -> None:
    if value is True or value == {}:
        return
    if flat.others is not True:
        flat.rest[f"additionalProperties: {plain_text(value)}"] = place
        return
    never = value is False or (isinstance(value, dict) and value.get("not") in ({}, True))
    flat.others = False if never else (Placed(value, place),)
    flat.places["additionalProperties"] = place.rsplit("/", 1)[0]


def _united(flat: Flat, keyword: str, value: Any) -> bool:
    """Draw a second demand of the same keyword into the first, where that can be said."""
    known: Any = flat.keywords.get(keyword)
    if keyword in NOTES or plain_text(known) == plain_text(value):
        return True
    if keyword == "required":
        flat.keywords[keyword] = [*known, *(name for name in value if name not in known)]
    elif keyword in _LOWER:
        flat.keywords[keyword] = max(known, value)
    elif keyword in _UPPER:
        flat.keywords[keyword] = min(known, value)
    elif keyword == "type":
        both = type_set(known) & type_set(value)
        names = both - {"fraction"} if "fraction" not in both else (both - _NUMBERS) | {"number"}
        flat.keywords[keyword] = sorted(names)
    else:
        return False
    return True


_NUMBERS = {"fraction", "integer"}
ALL_TYPES = frozenset(("string", "integer", "fraction", "boolean", "array", "object", "null"))


def type_set(named: Any) -> frozenset[str]:
    """The types that pass; a number is an integer or a fraction."""
    if named is None:
        return ALL_TYPES
    types = set(named if isinstance(named, list) else [named])
    return frozenset((types - {"number"}) | _NUMBERS if "number" in types else types)
