"""What changed alternatives mean: `anyOf` and `oneOf`, matched by what tells their variants apart.

A plain schema counts as a choice of one, so that "this, or null" is compared with "this".
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from durable_contracts.change import Change
from durable_contracts.compare_schemas import Side, schema_changes, types_of, values_of
from durable_contracts.reading import escape
from durable_contracts.schema_parts import NOTES, Flat, Together, flatten, plain_text


@dataclass(frozen=True)
class _Variant:
    together: Together
    flat: Flat
    tags: dict[str, str]

    @property
    def pointer(self) -> str:
        return self.together[0].pointer

    @property
    def text(self) -> str:
        return plain_text([part.schema for part in self.together])


def lifted(old: tuple[Together, Flat], new: tuple[Together, Flat]) -> tuple[Flat, Flat] | None:
    """Both as choices, where one is nothing but a choice and the other is none."""
    (before, flat), (after, other) = old, new
    if flat.choice is None and other.choice is not None and _only_a_choice(other):
        return Flat(flat.pointer, choice=("anyOf", (before,))), other
    if other.choice is None and flat.choice is not None and _only_a_choice(flat):
        return flat, Flat(other.pointer, choice=("anyOf", (after,)))
    return None


def _only_a_choice(flat: Flat) -> bool:
    more = flat.properties or flat.items or flat.rest or flat.others is not True
    return not more and not set(flat.keywords) - NOTES


def choice_changes(old: Flat, new: Flat, side: Side) -> Iterator[Change]:
    """The differences between the alternatives of two schemas."""
    yield from _discriminator(old, new, side)
    if old.choice is None or new.choice is None:
        held = new if old.choice is None else old
        if held.choice is not None:
            at, tighter = held.at(held.choice[0]), old.choice is None
            yield side.passing("choice", tighter, at, "whether one of some must match")
        return
    before = [_variant(each, side.old) for each in old.choice[1]]
    after = [_variant(each, side.new) for each in new.choice[1]]
    found = list(_variants(before, after, side))
    yield from found
    overlapping = [
        kind == "oneOf" and not _all_disjoint(variants, components)
        for kind, variants, components in (
            (old.choice[0], before, side.old),
            (new.choice[0], after, side.new),
        )
    ]
    at = (new if new.places.get(new.choice[0]) else old).at(new.choice[0])
    if overlapping == [True, True] and any(change.kind != "wording" for change in found):
        yield side.change("choice-unclear", at, "exactly one of them must match, and they differ")
    elif overlapping[0] != overlapping[1]:
        text = "whether exactly one must match, where several can"
        yield side.passing("choice", overlapping[1], at, text)


def _variants(before: list[_Variant], after: list[_Variant], side: Side) -> Iterator[Change]:
    pairs, gone, come = _matched(before, after)
    for old, new in pairs:
        yield from schema_changes(old.together, new.together, side)
    for old in gone:
        if _told_apart(old, after):
            yield side.change("variant-removed", old.pointer, "a variant is gone")
        else:
            yield side.passing("choice", True, old.pointer, "an alternative is gone")
    for new in come:
        if _told_apart(new, before):
            yield side.change("variant-added", new.pointer, "a variant is new")
        else:
            yield side.passing("choice", False, new.pointer, "an alternative is new")


def _told_apart(variant: _Variant, others: list[_Variant]) -> bool:
    """Whether a constant member tells the variant from all others, so that readers can skip it."""
    return any(
        all(name in other.tags and other.tags[name] != tag for other in others)
        for name, tag in variant.tags.items()
    )


def _matched(
    before: list[_Variant], after: list[_Variant]
) -> tuple[list[tuple[_Variant, _Variant]], list[_Variant], list[_Variant]]:
    gone, come, pairs = list(before), list(after), []
    for alike in (_same_text, _same_tags, _same_types):
        for old in list(gone):
            fitting = [new for new in come if alike(old, new)]
            rivals = [other for other in gone if fitting and alike(other, fitting[0])]
            # Types alone tell variants apart only where no other has them.
            if fitting and (alike is not _same_types or len(fitting) == len(rivals) == 1):
                pairs.append((old, fitting[0]))
                gone.remove(old)
                come.remove(fitting[0])
    return pairs, gone, come


def _same_text(old: _Variant, new: _Variant) -> bool:
    return old.text == new.text


def _same_tags(old: _Variant, new: _Variant) -> bool:
    return bool(old.tags) and old.tags == new.tags


def _same_types(old: _Variant, new: _Variant) -> bool:
    return types_of(old.flat) == types_of(new.flat)


def _variant(together: Together, components: dict[str, Any]) -> _Variant:
    flat = flatten(together, components)
    tags = {}
    for name, member in flat.properties.items():
        values = values_of(flatten(member, components))
        if values is not None and len(values) == 1:
            tags[name] = next(iter(values))
    return _Variant(together, flat, tags)


def _all_disjoint(variants: list[_Variant], components: dict[str, Any]) -> bool:
    return all(
        _disjoint(one, other, components)
        for index, one in enumerate(variants)
        for other in variants[index + 1 :]
    )


def _disjoint(one: _Variant, other: _Variant, components: dict[str, Any]) -> bool:
    """Whether no document can match both, as far as types, values and constant members tell."""
    if one.flat.choice or other.flat.choice:
        return _disjoint_choices(one, other, components)
    common = types_of(one.flat) & types_of(other.flat)
    if not common:
        return True
    listed, others = values_of(one.flat), values_of(other.flat)
    if listed is not None and others is not None and not listed & others:
        return True
    needed = set(one.flat.keywords.get("required", ())) & set(
        other.flat.keywords.get("required", ())
    )
    return common == {"object"} and any(
        one.tags[name] != other.tags[name] for name in needed & set(one.tags) & set(other.tags)
    )


def _disjoint_choices(one: _Variant, other: _Variant, components: dict[str, Any]) -> bool:
    if not one.flat.choice:
        one, other = other, one
    held = one.flat.choice[1] if one.flat.choice else ()
    alone = replace(one.flat, choice=None)
    if not types_of(alone) & types_of(other.flat):
        return True
    return all(_disjoint(_variant(each, components), other, components) for each in held)


def _discriminator(old: Flat, new: Flat, side: Side) -> Iterator[Change]:
    before, after = (flat.keywords.get("discriminator") for flat in (old, new))
    if before == after:
        return
    if before is None or after is None:
        at = (new if before is None else old).at("discriminator")
        what = "discriminator-added" if before is None else "discriminator-removed"
        yield side.change(what, at, "what tells the variants apart")
        return
    place = new.at("discriminator")
    kept = before.get("mapping", {}).items() <= after.get("mapping", {}).items()
    if before.get("propertyName") != after.get("propertyName") or not kept:
        yield side.change("discriminator-changed", place, "what tells the variants apart")
        return
    for name in sorted(set(after.get("mapping", {})) - set(before.get("mapping", {}))):
        at = f"{place}/mapping/{escape(name)}"
        yield side.change("discriminator-added", at, f"{name} is new")
