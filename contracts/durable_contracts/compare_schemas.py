"""What a changed body schema means for those who send it and for those who read it.

A tighter request breaks senders, a looser reply breaks readers. Both sides ignore fields, values
and variants that they do not know, so a reply may gain those.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from durable_contracts.change import REQUEST, RESPONSE, Change
from durable_contracts.reading import escape
from durable_contracts.schema_parts import (
    COMPONENTS,
    Flat,
    Placed,
    Together,
    flatten,
    is_never,
    plain_text,
    type_set,
)

__all__ = ["REQUEST", "RESPONSE", "Side", "schema_changes", "types_of", "values_of"]

_NUMBERS = frozenset(("integer", "fraction"))
_TEXTS = frozenset(("string",))
_ARRAYS = frozenset(("array",))
_OBJECTS = frozenset(("object",))
# keyword -> the types whose values it judges, and which way it shuts out
_BOUNDS: dict[str, tuple[frozenset[str], int]] = {
    "minimum": (_NUMBERS, 1),
    "maximum": (_NUMBERS, -1),
    "minLength": (_TEXTS, 1),
    "maxLength": (_TEXTS, -1),
    "minItems": (_ARRAYS, 1),
    "maxItems": (_ARRAYS, -1),
    "minProperties": (_OBJECTS, 1),
    "maxProperties": (_OBJECTS, -1),
}
_EXCLUSIVE = {"minimum": "exclusiveMinimum", "maximum": "exclusiveMaximum"}
_WIDER_FORMATS = {("int32", "int64"), ("float", "double")}
_UNDERSTOOD = frozenset(
    (
        *("type", "enum", "const", "pattern", "format", "multipleOf", "uniqueItems", "required"),
        *("not", "default", "deprecated", "discriminator", *_BOUNDS, *_EXCLUSIVE.values()),
    )
)
_UNSAID = object()


@dataclass
class Side:
    """Where two schemas stand: which way the body travels, and what names resolve to."""

    direction: str
    old: dict[str, Any]
    new: dict[str, Any]
    touched: frozenset[str]
    known: dict[tuple[tuple[str, ...], ...], list[Change]] = field(default_factory=dict)

    def untouched(self, old: Together, new: Together) -> bool:
        """Whether both are the same reference, and nothing behind it has changed."""
        names = [
            {part.schema["$ref"] for part in each if _only_refers(part)} for each in (old, new)
        ]
        if len(old) != 1 or len(new) != 1 or not names[0] or names[0] != names[1]:
            return False
        return names[0].pop() not in self.touched

    def change(self, what: str, pointer: str, text: str) -> Change:
        """A difference, judged by the rule of this direction."""
        return Change(f"{self.direction}-{what}", pointer, text)

    def passing(self, what: str, tighter: bool, pointer: str, text: str) -> Change:
        """Fewer or more documents pass than before."""
        return self.change(f"{what}-{'tightened' if tighter else 'loosened'}", pointer, text)


def schema_changes(old: Together, new: Together, side: Side) -> list[Change]:
    """The differences between two schemas, and between those they hold."""
    if side.untouched(old, new):
        return []
    before, after = _settled(old, side.old), _settled(new, side.new)
    key = (tuple(part.pointer for part in before), tuple(part.pointer for part in after))
    if key not in side.known:
        # A schema that holds itself has no more differences inside than outside.
        side.known[key] = []
        side.known[key] = list(_changes(before, after, side))
    return side.known[key]


def _only_refers(part: Placed) -> bool:
    return isinstance(part.schema, dict) and set(part.schema) == {"$ref"}


def _settled(together: Together, components: dict[str, Any]) -> Together:
    if len(together) != 1 or not _only_refers(together[0]):
        return together
    name = together[0].schema["$ref"].rsplit("/", 1)[1]
    return _settled((Placed(components[name], f"{COMPONENTS}{escape(name)}"),), components)


def _changes(old: Together, new: Together, side: Side) -> Iterator[Change]:
    # The two modules are one walk; the choices hold schemas, and schemas hold choices.
    from durable_contracts.compare_choices import choice_changes, lifted

    before, after = flatten(old, side.old), flatten(new, side.new)
    for text in sorted(set(before.annotations) ^ set(after.annotations)):
        place = {**before.annotations, **after.annotations}[text]
        yield side.change("wording", place, "explained in other words")
    raised = lifted((old, before), (new, after))
    if raised is not None:
        yield from choice_changes(*raised, side)
        return
    yield from _types(before, after, side)
    for rule in _RULES:
        yield from rule(before, after, side)
    yield from choice_changes(before, after, side)


def types_of(flat: Flat) -> frozenset[str]:
    """The types of the values that pass."""
    values = _listed(flat)
    types = type_set(flat.keywords.get("type"))
    return types if values is None else types & {_type_of(value) for value in values}


def values_of(flat: Flat) -> set[str] | None:
    """The values that pass, as texts, if they are listed."""
    values, types = _listed(flat), types_of(flat)
    if values is None:
        return None
    return {plain_text(value) for value in values if _type_of(value) in types}


def _listed(flat: Flat) -> list[Any] | None:
    listed: list[Any] | None = flat.keywords.get("enum")
    if "const" not in flat.keywords:
        return listed
    constant = flat.keywords["const"]
    texts = [plain_text(value) for value in listed or [constant]]
    return [constant] if plain_text(constant) in texts else []


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "integer" if float(value).is_integer() else "fraction"
    if isinstance(value, str):
        return "string"
    return "null" if value is None else "array" if isinstance(value, list) else "object"


def _types(old: Flat, new: Flat, side: Side) -> Iterator[Change]:
    before, after = types_of(old), types_of(new)
    at = new.at("type")
    if before - after:
        yield side.passing("type", True, at, f"no longer {_named(before - after)}")
    if after - before:
        yield side.passing("type", False, at, f"now also {_named(after - before)}")


def _named(types: frozenset[str]) -> str:
    return ", ".join(sorted("number" if name == "fraction" else name for name in types))


def _both(old: Flat, new: Flat, types: frozenset[str]) -> bool:
    return bool(types_of(old) & types_of(new) & types)


def _values(old: Flat, new: Flat, side: Side) -> Iterator[Change]:
    before, after = values_of(old), values_of(new)
    at = new.at("const" if "const" in new.keywords else "enum")
    if before is None or after is None:
        if after is not None:
            yield side.passing("values", True, at, "only listed values pass now")
        elif before is not None:
            at = old.at("const" if "const" in old.keywords else "enum")
            yield side.passing("values", False, at, "any value passes now")
        return
    for value in sorted(before - after):
        yield side.change("value-removed", at, f"{value} is gone")
    for value in sorted(after - before):
        yield side.change("value-added", at, f"{value} is new")


def _bounds(old: Flat, new: Flat, side: Side) -> Iterator[Change]:
    for name, (types, sign) in _BOUNDS.items():
        if not _both(old, new, types):
            continue
        before, after = _bound(old, name, sign), _bound(new, name, sign)
        if before != after:
            tighter = after > before
            text = f"{name} was {_shown(before, sign)}, is {_shown(after, sign)}"
            at = _written(new, name) or _written(old, name) or new.at(name)
            yield side.passing(name, tighter, at, text)


def _bound(flat: Flat, name: str, sign: int) -> tuple[float, bool]:
    """The bound, larger where it shuts out more, and whether it shuts out itself."""
    none = 0 if name in ("minLength", "minItems", "minProperties") else -math.inf
    bounds = [(float(none), False)]
    whole = not types_of(flat) & {"fraction"} and name in _EXCLUSIVE
    for keyword in (name, _EXCLUSIVE.get(name, name)):
        if keyword in flat.keywords:
            value = sign * float(flat.keywords[keyword])
            shut = keyword != name
            if whole:
                value, shut = (math.floor(value) + 1 if shut else math.ceil(value)), False
            bounds.append((value, shut))
    return max(bounds)


def _written(flat: Flat, name: str) -> str | None:
    for keyword in (name, _EXCLUSIVE.get(name, name)):
        if keyword in flat.keywords:
            return flat.at(keyword)
    return None


def _shown(bound: tuple[float, bool], sign: int) -> str:
    value = sign * bound[0]
    if math.isinf(value):
        return "not said"
    return f"{value:g}{' itself excluded' if bound[1] else ''}"


def _texts(old: Flat, new: Flat, side: Side) -> Iterator[Change]:
    before, after = old.keywords.get("pattern"), new.keywords.get("pattern")
    if before != after and _both(old, new, _TEXTS):
        if before is None or after is None:
            at = new.at("pattern") if before is None else old.at("pattern")
            yield side.passing("pattern", before is None, at, f"{before} became {after}")
        else:
            text = f"{before} became {after}"
            yield side.change("pattern-changed", new.at("pattern"), text)
    before, after = old.keywords.get("format"), new.keywords.get("format")
    if before != after and _both(old, new, _TEXTS | _NUMBERS):
        yield _format(before, after, (new if after else old).at("format"), side)


def _format(before: Any, after: Any, at: str, side: Side) -> Change:
    text = f"{before} became {after}"
    if before is None or (after, before) in _WIDER_FORMATS:
        return side.passing("format", True, at, text)
    if after is None or (before, after) in _WIDER_FORMATS:
        return side.passing("format", False, at, text)
    return side.change("format-changed", at, text)


def _numbers_and_items(old: Flat, new: Flat, side: Side) -> Iterator[Change]:
    before, after = old.keywords.get("multipleOf"), new.keywords.get("multipleOf")
    if before != after and _both(old, new, _NUMBERS):
        at, text = (new if after else old).at("multipleOf"), f"{before} became {after}"
        if before is None or (after is not None and after % before == 0):
            yield side.passing("multipleOf", True, at, text)
        elif after is None or before % after == 0:
            yield side.passing("multipleOf", False, at, text)
        else:
            yield side.change("multipleOf-changed", at, text)
    alone = [bool(flat.keywords.get("uniqueItems")) for flat in (old, new)]
    if alone[0] != alone[1] and _both(old, new, _ARRAYS):
        at = (new if alone[1] else old).at("uniqueItems")
        yield side.passing("uniqueItems", alone[1], at, "whether items may repeat")
    if (old.items or new.items) and _both(old, new, _ARRAYS):
        anything = [(Placed(True, each.at("items")),) for each in (old, new)]
        yield from schema_changes(old.items or anything[0], new.items or anything[1], side)


def _notes(old: Flat, new: Flat, side: Side) -> Iterator[Change]:
    before, after = (flat.keywords.get("default", _UNSAID) for flat in (old, new))
    if before is _UNSAID and after is not _UNSAID:
        yield side.change("default-added", new.at("default"), f"absent means {plain_text(after)}")
    elif after is _UNSAID and before is not _UNSAID:
        yield side.change("default-removed", old.at("default"), "absent means what is not said")
    elif before is not _UNSAID and plain_text(before) != plain_text(after):
        text = f"absent meant {plain_text(before)}, means {plain_text(after)}"
        yield side.change("default-changed", new.at("default"), text)
    flags = [bool(flat.keywords.get("deprecated")) for flat in (old, new)]
    if flags[0] != flags[1]:
        at = (new if flags[1] else old).at("deprecated")
        yield side.change("deprecated" if flags[1] else "restored", at, "whether to leave it")
    for keyword in sorted({*old.keywords, *new.keywords} - _UNDERSTOOD):
        values = (flat.keywords.get(keyword, _UNSAID) for flat in (old, new))
        texts = ["" if value is _UNSAID else plain_text(value) for value in values]
        if texts[0] != texts[1]:
            at = (new if texts[1] else old).at(keyword)
            yield side.change("keyword-changed", at, f"{keyword} differs")


def _not(old: Flat, new: Flat, side: Side) -> Iterator[Change]:
    before, after = (flat.keywords.get("not", _UNSAID) for flat in (old, new))
    if before is _UNSAID or after is _UNSAID:
        if before is not after:
            added = before is _UNSAID
            at = (new if added else old).at("not")
            yield side.passing("not", added, at, "what is shut out")
    elif plain_text(before) != plain_text(after):
        yield side.change("not-changed", new.at("not"), "what is shut out differs")
    for text in sorted({*old.rest, *new.rest}):
        if (text in old.rest) != (text in new.rest):
            at = {**old.rest, **new.rest}[text]
            yield side.passing("all", text in new.rest, at, "what must match besides")


def _required(old: Flat, new: Flat, side: Side) -> Iterator[Change]:
    if not _both(old, new, _OBJECTS):
        return
    before, after = (set(flat.keywords.get("required", ())) for flat in (old, new))
    for name in sorted(after - before):
        yield side.passing("required", True, new.at("required"), f"{name} is required now")
    for name in sorted(before - after):
        yield side.passing("required", False, old.at("required"), f"{name} may be absent now")


def _properties(old: Flat, new: Flat, side: Side) -> Iterator[Change]:
    if not _both(old, new, _OBJECTS):
        return
    for name, before in old.properties.items():
        after = new.properties.get(name, ())
        never = is_never(before, side.old)
        at = (after or before)[0].pointer
        if after and not never and not is_never(after, side.new):
            yield from schema_changes(before, after, side)
        elif never and not (after and is_never(after, side.new)):
            yield side.change("field-allowed", at, f"{name} may be there now")
        elif not never:
            yield side.change("field-removed", at, f"{name} is gone")
    for name in new.properties:
        if name not in old.properties:
            yield from _added(name, old, new, side)


def _added(name: str, old: Flat, new: Flat, side: Side) -> Iterator[Change]:
    after = new.properties[name]
    at = after[0].pointer
    if is_never(after, side.new):
        yield side.change("field-refused", at, f"{name} is refused now")
        return
    yield side.change("field-added", at, f"{name} is new")
    if not isinstance(old.others, bool):
        # In a map the name was there before, with the rule of all names.
        yield from schema_changes(old.others, after, side)


def _others(old: Flat, new: Flat, side: Side) -> Iterator[Change]:
    before, after = old.others, new.others
    if before == after or not _both(old, new, _OBJECTS):
        if not isinstance(before, bool) and not isinstance(after, bool):
            yield from schema_changes(before, after, side)
        return
    at = (old if after is True else new).at("additionalProperties")
    text = "what fields that are not named may hold"
    if not isinstance(before, bool) and not isinstance(after, bool):
        yield from schema_changes(before, after, side)
    elif before is False:
        yield side.change("other-fields-allowed", at, text)
    else:
        yield side.passing("other-fields", after is not True, at, text)


_RULES: tuple[Callable[[Flat, Flat, Side], Iterator[Change]], ...] = (
    _values,
    _bounds,
    _texts,
    _numbers_and_items,
    _notes,
    _not,
    _required,
    _properties,
    _others,
)
