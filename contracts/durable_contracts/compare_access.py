"""What a change means for who may call: roles, version headers and ways to authenticate."""

from collections.abc import Iterator
from typing import Any

from durable_contracts.change import Change
from durable_contracts.reading import escape

Document = dict[str, Any]
Way = frozenset[tuple[str, str]]
_VERSION_RULES = ("none", "optional", "required")


def access_changes(
    old: Document, new: Document, documents: tuple[Document, Document], place: str
) -> Iterator[Change]:
    """The differences between what two operations ask of a caller."""
    yield from _roles(old, new, place)
    before, after = (_VERSION_RULES.index(item.get("x-version", "none")) for item in (old, new))
    if before != after:
        rule = "version-rule-tightened" if after > before else "version-rule-loosened"
        text = f"was {_VERSION_RULES[before]}, is {_VERSION_RULES[after]}"
        yield Change(rule, f"{place}/x-version", text)
    ways = (_ways(old, documents[0]), _ways(new, documents[1]))
    yield from _security(*ways, f"{place}/security")


def _roles(old: Document, new: Document, place: str) -> Iterator[Change]:
    before, after = set(old.get("x-roles", [])), set(new.get("x-roles", []))
    # Without roles nobody needs a credential: the first role that is named shuts callers out.
    gone = sorted(before - after) if after else []
    if gone or (after and not before):
        text = f"{', '.join(gone) or 'whoever has no credential'} may no longer call"
        yield Change("role-removed", f"{place}/x-roles", text)
    if (before and after - before) or (before and not after):
        yield Change("role-added", f"{place}/x-roles", "more may call now")


def _ways(operation: Document, document: Document) -> list[Way]:
    """The ways to authenticate, each as what it needs together; the empty one needs nothing."""
    stated = operation.get("security", document.get("security", [])) or [{}]
    return [
        frozenset((name, scope) for name, scopes in way.items() for scope in ("", *scopes))
        for way in stated
    ]


def _security(old: list[Way], new: list[Way], place: str) -> Iterator[Change]:
    if any(not any(way <= known for way in new) for known in old):
        yield Change("security-tightened", place, "a credential that was enough is not any more")
    if any(not any(known <= way for known in old) for way in new):
        yield Change("security-added", place, "one more way to authenticate is enough")


def scheme_changes(old: Document, new: Document) -> Iterator[Change]:
    """The differences between the ways to authenticate that both documents define."""
    before, after = (
        document.get("components", {}).get("securitySchemes", {}) for document in (old, new)
    )
    for name in before:
        if name not in after or before[name] == after[name]:
            continue
        place = f"/components/securitySchemes/{escape(name)}"
        was, now = (_without_words(each[name]) for each in (before, after))
        rule = "security-scheme-wording" if was == now else "security-scheme-changed"
        yield Change(rule, place, f"{name} differs")


def _without_words(scheme: Document) -> Document:
    return {k: v for k, v in scheme.items() if k not in ("description", "bearerFormat")}
