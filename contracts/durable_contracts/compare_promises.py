"""What a change means of what stands beside the document: reasons of refusals, and manifests."""

from collections.abc import Iterator
from typing import Any

from durable_contracts.change import Change
from durable_contracts.reading import escape
from durable_contracts.schema_parts import plain_text
from durable_contracts.versions import parse

Node = dict[str, Any]
_REASONS = "/x-refusals"
_LIMITS = "structural_limits"


def refusal_changes(old: Node, new: Node) -> Iterator[Change]:
    """The differences between two catalogues: by reason and plane, what a refusal carries."""
    for reason, planes in old.items():
        place = f"{_REASONS}/{escape(reason)}"
        if reason not in new:
            yield Change("reason-removed", place, f"{reason} is gone")
            continue
        for plane, entry in planes.items():
            if plane in new[reason]:
                yield from _entry_changes(reason, entry, new[reason][plane], f"{place}/{plane}")
            else:
                yield Change("reason-plane-removed", f"{place}/{plane}", f"{reason} is gone here")
        for plane in new[reason]:
            if plane not in planes:
                yield Change("reason-plane-added", f"{place}/{plane}", f"{reason} is given here")
    for reason in new:
        if reason not in old:
            yield Change("reason-added", f"{_REASONS}/{escape(reason)}", f"{reason} is new")


def _entry_changes(reason: str, old: Node, new: Node, place: str) -> Iterator[Change]:
    for name, rule in (
        ("status", "reason-status-changed"),
        ("text_key", "reason-text-key-changed"),
    ):
        if old[name] != new[name]:
            text = f"{reason}: {name} was {old[name]}, is {new[name]}"
            yield Change(rule, f"{place}/{name}", text)
    for name in sorted(set(old["fields"]) - set(new["fields"])):
        text = f"{reason} no longer carries {name}"
        yield Change("reason-field-removed", f"{place}/fields", text)
    for name in sorted(set(new["fields"]) - set(old["fields"])):
        yield Change("reason-field-added", f"{place}/fields", f"{reason} carries {name}")
    before, after = (entry.get("retry_after_seconds") for entry in (old, new))
    if (before is None) != (after is None):
        rule = "reason-retry-added" if before is None else "reason-retry-removed"
        yield Change(rule, f"{place}/retry_after_seconds", f"{reason}: Retry-After")
    words = [
        name
        for name in ("message", "remedy", "retry_after_seconds")
        if old.get(name) != new.get(name) and None not in (old.get(name), new.get(name))
    ]
    if words:
        yield Change("reason-wording", place, f"{reason}: {', '.join(words)}")


def manifest_changes(old: Node, new: Node) -> Iterator[Change]:
    """The differences between what the published summaries say."""
    for name in old:
        if name in new:
            yield from _said(old[name], new[name], f"/{escape(name)}")
        else:
            yield Change("manifest-removed", f"/x-manifests/{escape(name)}", f"{name} is gone")
    for name in new:
        if name not in old:
            yield Change("manifest-added", f"/x-manifests/{escape(name)}", f"{name} is new")


def _said(old: Any, new: Any, place: str) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _members(old, new, place)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _items(old, new, place)
    elif plain_text(old) != plain_text(new):
        at, text = f"/x-manifests{place}", f"was {plain_text(old)}, is {plain_text(new)}"
        yield Change(_rule(old, new, place), at, text)


def _members(old: Node, new: Node, place: str) -> Iterator[Change]:
    for name in old:
        at = f"{place}/{escape(name)}"
        if name in new:
            yield from _said(old[name], new[name], at)
        else:
            yield Change("manifest-member-removed", f"/x-manifests{at}", f"{name} is gone")
    for name in new:
        if name not in old:
            at = f"/x-manifests{place}/{escape(name)}"
            yield Change("manifest-member-added", at, f"{name} is new")


def _items(old: list[Any], new: list[Any], place: str) -> Iterator[Change]:
    before, after = ({plain_text(item): item for item in items} for items in (old, new))
    for text in before:
        if text not in after:
            yield Change("manifest-item-removed", f"/x-manifests{place}", f"{text} is gone")
    for text in after:
        if text not in before:
            yield Change("manifest-item-added", f"/x-manifests{place}", f"{text} is new")


def _rule(old: Any, new: Any, place: str) -> str:
    if isinstance(old, bool) and isinstance(new, bool):
        return "manifest-switched-on" if new else "manifest-switched-off"
    numbers = all(isinstance(value, int | float) for value in (old, new))
    if place.split("/")[1] == _LIMITS and numbers and not isinstance(old, bool):
        return "manifest-limit-raised" if new > old else "manifest-limit-lowered"
    if place.endswith("/version") and isinstance(old, str) and isinstance(new, str):
        before, after = parse(old), parse(new)
        newer = before and after and before[0] == after[0] and after[1] > before[1]
        return "plane-version-raised" if newer else "plane-version-changed"
    words = place.endswith("/description") and isinstance(new, str)
    return "manifest-wording" if words else "manifest-value-changed"
