"""What a changed body schema means for those who send it and for those who read it.

A tighter request breaks senders, a looser reply breaks readers. Both sides ignore fields, values
and variants that they do not know, so a reply may gain those.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from durable_contracts.reading import escape

REQUEST, RESPONSE = "request", "response"
WORDING, ADDITIVE, BREAKING = "wording", "additive", "breaking"

_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_WORDS = ("title", "description", "examples", "deprecated", "format", "discriminator")
_ALL_TYPES = frozenset(("string", "integer", "number", "boolean", "array", "object", "null"))
_CHOICES = ("anyOf", "oneOf")
Schema = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """One difference: the rule that judges it, where it is, and what it means."""

    rule: str
    pointer: str
    kind: str
    text: str


@dataclass(frozen=True)
class Side:
    """Where two schemas stand: which way the body travels, and what names resolve to."""

    direction: str
    old: dict[str, Any]
    new: dict[str, Any]

    def tightened(self, what: str, pointer: str, text: str) -> Change:
        """Fewer documents pass than before."""
        kind = BREAKING if self.direction == REQUEST else ADDITIVE
        return Change(f"{self.direction}-{what}-tightened", pointer, kind, text)

    def loosened(self, what: str, pointer: str, text: str) -> Change:
        """More documents pass than before."""
        kind = ADDITIVE if self.direction == REQUEST else BREAKING
        return Change(f"{self.direction}-{what}-loosened", pointer, kind, text)

    def always(self, kind: str, what: str, pointer: str, text: str) -> Change:
        """A difference that means the same both ways."""
        return Change(f"{self.direction}-{what}", pointer, kind, text)


def schema_changes(old: Any, new: Any, side: Side, pointer: str) -> Iterator[Change]:
    """The differences between two schemas, and between those they hold."""
    before, after = _plain(old, side.old), _plain(new, side.new)
    if before == after and old == new and not _holds_references(before):
        return
    for rule in _RULES:
        yield from rule(before, after, side, pointer)


def _plain(schema: Any, components: dict[str, Any]) -> Schema:
    if schema is True:
        return {}
    if schema is False:
        return {"enum": []}
    siblings = {key: value for key, value in schema.items() if key != "$ref"}
    if "$ref" not in schema:
        return siblings
    named = _plain(components[schema["$ref"].rsplit("/", 1)[1]], components)
    return {**named, **siblings}


def _holds_references(schema: Schema) -> bool:
    return '"$ref"' in json.dumps(schema)


def _types(old: Schema, new: Schema, side: Side, pointer: str) -> Iterator[Change]:
    before, after = _type_set(old), _type_set(new)
    if before - after:
        names = ", ".join(sorted(before - after))
        yield side.tightened("type", f"{pointer}/type", f"no longer {names}")
    if after - before:
        names = ", ".join(sorted(after - before))
        yield side.loosened("type", f"{pointer}/type", f"now also {names}")


def _type_set(schema: Schema) -> frozenset[str]:
    named = schema.get("type")
    if named is None:
        return _ALL_TYPES
    types = set(named if isinstance(named, list) else [named])
    return frozenset(types | {"integer"} if "number" in types else types)


def _values(old: Schema, new: Schema, side: Side, pointer: str) -> Iterator[Change]:
    before, after = _value_set(old), _value_set(new)
    if before is None or after is None:
        if after is not None:
            yield side.tightened("values", f"{pointer}/enum", "only listed values pass now")
        elif before is not None:
            yield side.loosened("values", f"{pointer}/enum", "any value passes now")
        return
    for value in sorted(before - after):
        yield side.always(BREAKING, "value-removed", f"{pointer}/enum", f"{value} is gone")
    for value in sorted(after - before):
        yield side.always(ADDITIVE, "value-added", f"{pointer}/enum", f"{value} is new")


def _value_set(schema: Schema) -> set[str] | None:
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    return None if values is None else {json.dumps(value) for value in values}


def _bounds(old: Schema, new: Schema, side: Side, pointer: str) -> Iterator[Change]:
    for name, sign in (*((n, 1) for n in _LOWER), *((n, -1) for n in _UPPER)):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        text = f"{name} was {before}, is {after}"
        tighter = before is None or (after is not None and sign * after > sign * before)
        judge = side.tightened if tighter else side.loosened
        yield judge(name, f"{pointer}/{name}", text)


def _pattern(old: Schema, new: Schema, side: Side, pointer: str) -> Iterator[Change]:
    before, after = old.get("pattern"), new.get("pattern")
    place = f"{pointer}/pattern"
    if before == after:
        return
    if before is None:
        yield side.tightened("pattern", place, "a pattern must match now")
    elif after is None:
        yield side.loosened("pattern", place, "no pattern must match any more")
    else:
        yield side.always(BREAKING, "pattern-changed", place, "another pattern must match")


def _flags(old: Schema, new: Schema, side: Side, pointer: str) -> Iterator[Change]:
    before, after = bool(old.get("uniqueItems")), bool(new.get("uniqueItems"))
    if before != after:
        judge = side.tightened if after else side.loosened
        yield judge("uniqueItems", f"{pointer}/uniqueItems", "whether items may repeat")
    if old.get("default") != new.get("default"):
        place = f"{pointer}/default"
        yield side.always(BREAKING, "default-changed", place, "absent means something else")
    if old.get("not") != new.get("not"):
        yield side.always(BREAKING, "not-changed", f"{pointer}/not", "other documents are shut out")
    if any(old.get(name) != new.get(name) for name in _WORDS):
        yield side.always(WORDING, "wording", pointer, "explained in other words")


def _required(old: Schema, new: Schema, side: Side, pointer: str) -> Iterator[Change]:
    before, after = set(old.get("required", [])), set(new.get("required", []))
    for name in sorted(after - before):
        yield side.tightened("required", f"{pointer}/required", f"{name} is required now")
    for name in sorted(before - after):
        yield side.loosened("required", f"{pointer}/required", f"{name} may be absent now")


def _properties(old: Schema, new: Schema, side: Side, pointer: str) -> Iterator[Change]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in before:
        place = f"{pointer}/properties/{escape(name)}"
        if name in after:
            yield from schema_changes(before[name], after[name], side, place)
        else:
            yield side.always(BREAKING, "field-removed", place, f"{name} is gone")
    for name in after:
        if name in before:
            continue
        place = f"{pointer}/properties/{escape(name)}"
        if after[name] is False:
            yield side.tightened("field", place, f"{name} is refused now")
        else:
            yield side.always(ADDITIVE, "field-added", place, f"{name} is new")


def _others(old: Schema, new: Schema, side: Side, pointer: str) -> Iterator[Change]:
    place = f"{pointer}/additionalProperties"
    before, after = (schema.get("additionalProperties", True) for schema in (old, new))
    if isinstance(before, dict) and isinstance(after, dict):
        yield from schema_changes(before, after, side, place)
    elif before != after:
        tighter = after is False or before is True
        judge = side.tightened if tighter else side.loosened
        yield judge("other-fields", place, "what other fields may hold")


def _items(old: Schema, new: Schema, side: Side, pointer: str) -> Iterator[Change]:
    if "items" in old or "items" in new:
        before, after = old.get("items", True), new.get("items", True)
        yield from schema_changes(before, after, side, f"{pointer}/items")


def _choices(old: Schema, new: Schema, side: Side, pointer: str) -> Iterator[Change]:
    for name in _CHOICES:
        before, after = _variants(old, name, side.old), _variants(new, name, side.new)
        if before is None or after is None:
            if after is not None:
                yield side.tightened(name, f"{pointer}/{name}", "one of these must match now")
            elif before is not None:
                yield side.loosened(name, f"{pointer}/{name}", "none of these must match now")
            continue
        for key, variant in before.items():
            place = f"{pointer}/{name}/{escape(key)}"
            if key in after:
                yield from schema_changes(variant, after[key], side, place)
            else:
                yield side.always(BREAKING, "variant-removed", place, f"the variant {key} is gone")
        for key in after:
            if key not in before:
                place = f"{pointer}/{name}/{escape(key)}"
                yield side.always(ADDITIVE, "variant-added", place, f"the variant {key} is new")


def _together(old: Schema, new: Schema, side: Side, pointer: str) -> Iterator[Change]:
    before = _variants(old, "allOf", side.old) or {}
    after = _variants(new, "allOf", side.new) or {}
    for key in {**before, **after}:
        place = f"{pointer}/allOf/{escape(key)}"
        if key in before and key in after:
            yield from schema_changes(before[key], after[key], side, place)
        elif key in after:
            yield side.tightened("allOf", place, "more must match now")
        else:
            yield side.loosened("allOf", place, "less must match now")


def _variants(schema: Schema, name: str, components: dict[str, Any]) -> dict[str, Any] | None:
    """The variants by what tells them apart: a constant member, the name referred to, the place."""
    if name not in schema:
        return None
    found: dict[str, Any] = {}
    for index, variant in enumerate(schema[name]):
        key = _variant_name(variant, components) or str(index)
        found[key if key not in found else str(index)] = variant
    return found


def _variant_name(variant: Any, components: dict[str, Any]) -> str | None:
    if not isinstance(variant, dict):
        return None
    for member in _plain(variant, components).get("properties", {}).values():
        if isinstance(member, dict) and "const" in member:
            return str(member["const"])
    reference = variant.get("$ref")
    return reference.rsplit("/", 1)[1] if isinstance(reference, str) else None


_RULES: tuple[Callable[[Schema, Schema, Side, str], Iterator[Change]], ...] = (
    _types,
    _values,
    _bounds,
    _pattern,
    _flags,
    _required,
    _properties,
    _others,
    _items,
    _choices,
    _together,
)
