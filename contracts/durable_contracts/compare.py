"""What a changed contract means for its users: nothing, more than before, or a broken promise."""

from collections.abc import Iterable, Iterator
from typing import Any

from durable_contracts.compare_schemas import (
    ADDITIVE,
    BREAKING,
    REQUEST,
    RESPONSE,
    WORDING,
    Change,
    Side,
    schema_changes,
)
from durable_contracts.reading import escape
from durable_contracts.shape import METHODS

__all__ = ["ADDITIVE", "BREAKING", "IDENTICAL", "WORDING", "Change", "diff", "verdict"]

IDENTICAL = "identical"
_FIXED = ("operationId", "x-plane", "x-namespace", "x-control-operation")
_REFUSAL_FIXED = ("status", "text_key")
Document = dict[str, Any]


def diff(old: Document, new: Document) -> list[Change]:
    """Every difference between two OpenAPI 3.1 documents that somebody could notice."""
    return [*_Comparison(old, new).changes(), *_refusal_changes(old, new)]


def verdict(changes: Iterable[Change]) -> str:
    """The worst that the differences mean: identical, additive or breaking."""
    kinds = {change.kind for change in changes}
    if BREAKING in kinds:
        return BREAKING
    return ADDITIVE if ADDITIVE in kinds else IDENTICAL


class _Comparison:
    def __init__(self, old: Document, new: Document) -> None:
        self.old, self.new = old, new
        self._old_parts = old.get("components", {})
        self._new_parts = new.get("components", {})

    def changes(self) -> Iterator[Change]:
        before, after = dict(_operations(self.old)), dict(_operations(self.new))
        for key, operation in before.items():
            place = f"/paths/{escape(key[0])}/{key[1]}"
            if key in after:
                yield from self._operation(operation, after[key], place)
            else:
                name = operation.get("operationId")
                yield Change("operation-removed", place, BREAKING, f"{name} is gone")
        for key, operation in after.items():
            if key not in before:
                place = f"/paths/{escape(key[0])}/{key[1]}"
                name = operation.get("operationId")
                yield Change("operation-added", place, ADDITIVE, f"{name} is new")

    def _operation(self, old: Document, new: Document, place: str) -> Iterator[Change]:
        for name in _FIXED:
            if old.get(name) != new.get(name):
                text = f"{name} was {old.get(name)}, is {new.get(name)}"
                yield Change("operation-changed", f"{place}/{name}", BREAKING, text)
        yield from _roles(old, new, place)
        yield from _version_rule(old, new, place)
        if any(old.get(name) != new.get(name) for name in ("summary", "description", "tags")):
            yield Change("operation-wording", place, WORDING, "explained in other words")
        yield from self._parameters(old, new, place)
        yield from self._request(old, new, f"{place}/requestBody")
        yield from self._responses(old, new, f"{place}/responses")

    def _parameters(self, old: Document, new: Document, place: str) -> Iterator[Change]:
        before = self._parameter_map(old, self._old_parts)
        after = self._parameter_map(new, self._new_parts)
        for key, parameter in before.items():
            at = f"{place}/parameters/{escape(key)}"
            if key not in after:
                yield Change("parameter-removed", at, BREAKING, f"{key} is gone")
                continue
            yield from _necessity("parameter", parameter, after[key], at)
            side = self._side(REQUEST)
            schemas = (parameter.get("schema", {}), after[key].get("schema", {}))
            yield from schema_changes(*schemas, side, f"{at}/schema")
        for key, parameter in after.items():
            if key not in before:
                kind = BREAKING if parameter.get("required") else ADDITIVE
                at = f"{place}/parameters/{escape(key)}"
                yield Change("parameter-added", at, kind, f"{key} is new")

    def _parameter_map(self, operation: Document, parts: Document) -> dict[str, Document]:
        found = {}
        for listed in (*operation.get("_shared", []), *operation.get("parameters", [])):
            parameter = _named(listed, parts)
            found[f"{parameter['in']}:{parameter['name']}"] = parameter
        return found

    def _request(self, old: Document, new: Document, place: str) -> Iterator[Change]:
        before = _named(old.get("requestBody", {}), self._old_parts)
        after = _named(new.get("requestBody", {}), self._new_parts)
        if before and not after:
            yield Change("request-removed", place, BREAKING, "the body is gone")
        elif after and not before:
            kind = BREAKING if after.get("required") else ADDITIVE
            yield Change("request-added", place, kind, "there is a body now")
        elif before:
            yield from _necessity("request", before, after, place)
            yield from self._content(before, after, self._side(REQUEST), place)

    def _responses(self, old: Document, new: Document, place: str) -> Iterator[Change]:
        before, after = old.get("responses", {}), new.get("responses", {})
        for status, listed in before.items():
            at = f"{place}/{status}"
            if status not in after:
                yield Change("status-removed", at, BREAKING, f"{status} is gone")
                continue
            was, now = _named(listed, self._old_parts), _named(after[status], self._new_parts)
            for name in sorted(set(was.get("headers", {})) - set(now.get("headers", {}))):
                yield Change("header-removed", f"{at}/headers", BREAKING, f"{name} is gone")
            for name in sorted(set(now.get("headers", {})) - set(was.get("headers", {}))):
                yield Change("header-added", f"{at}/headers", ADDITIVE, f"{name} is new")
            yield from self._content(was, now, self._side(RESPONSE), at)
        for status in after:
            if status not in before:
                yield Change("status-added", f"{place}/{status}", ADDITIVE, f"{status} is new")

    def _content(self, old: Document, new: Document, side: Side, place: str) -> Iterator[Change]:
        before, after = old.get("content", {}), new.get("content", {})
        for name, held in before.items():
            at = f"{place}/content/{escape(name)}"
            if name not in after:
                yield Change(f"{side.direction}-type-removed", at, BREAKING, f"{name} is gone")
            else:
                schemas = (held.get("schema", {}), after[name].get("schema", {}))
                yield from schema_changes(*schemas, side, f"{at}/schema")
        for name in after:
            if name not in before:
                at = f"{place}/content/{escape(name)}"
                yield Change(f"{side.direction}-type-added", at, ADDITIVE, f"{name} is new")

    def _side(self, direction: str) -> Side:
        return Side(
            direction, self._old_parts.get("schemas", {}), self._new_parts.get("schemas", {})
        )


def _operations(document: Document) -> Iterator[tuple[tuple[str, str], Document]]:
    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                yield (path, method), {**item[method], "_shared": item.get("parameters", [])}


def _named(node: Document, parts: Document) -> Document:
    while "$ref" in node:
        section, name = node["$ref"].split("/")[-2:]
        node = parts[section][name]
    return node


def _necessity(what: str, old: Document, new: Document, place: str) -> Iterator[Change]:
    before, after = bool(old.get("required")), bool(new.get("required"))
    if after and not before:
        yield Change(f"{what}-required", f"{place}/required", BREAKING, "it must be there now")
    elif before and not after:
        yield Change(f"{what}-optional", f"{place}/required", ADDITIVE, "it may be absent now")


def _roles(old: Document, new: Document, place: str) -> Iterator[Change]:
    before, after = set(old.get("x-roles", [])), set(new.get("x-roles", []))
    # Without roles nobody needs a credential: the first role that is named shuts callers out.
    gone = sorted(before - after) if after else []
    if gone or (after and not before):
        text = f"{', '.join(gone) or 'whoever has no credential'} may no longer call"
        yield Change("role-removed", f"{place}/x-roles", BREAKING, text)
    elif before != after:
        yield Change("role-added", f"{place}/x-roles", ADDITIVE, "more may call now")


def _version_rule(old: Document, new: Document, place: str) -> Iterator[Change]:
    order = ("none", "optional", "required")
    before, after = (order.index(item.get("x-version", "none")) for item in (old, new))
    if before != after:
        kind = BREAKING if after > before else ADDITIVE
        text = f"the version header was {order[before]}, is {order[after]}"
        yield Change("version-rule", f"{place}/x-version", kind, text)


def _refusal_changes(old: Document, new: Document) -> Iterator[Change]:
    before, after = old.get("x-refusals", {}), new.get("x-refusals", {})
    for reason, entry in before.items():
        place = f"/x-refusals/{escape(reason)}"
        if reason not in after:
            yield Change("reason-removed", place, BREAKING, f"{reason} is gone")
            continue
        now = after[reason]
        for name in _REFUSAL_FIXED:
            if entry[name] != now[name]:
                text = f"{name} of {reason} was {entry[name]}, is {now[name]}"
                yield Change(f"reason-{name}", f"{place}/{name}", BREAKING, text)
        for name in sorted(set(entry["fields"]) - set(now["fields"])):
            text = f"{reason} no longer carries {name}"
            yield Change("reason-field-removed", f"{place}/fields", BREAKING, text)
        for name in sorted(set(now["fields"]) - set(entry["fields"])):
            text = f"{reason} carries {name}"
            yield Change("reason-field-added", f"{place}/fields", ADDITIVE, text)
        if entry["message"] != now["message"]:
            yield Change("reason-wording", f"{place}/message", WORDING, "other words")
    for reason in after:
        if reason not in before:
            yield Change("reason-added", f"/x-refusals/{escape(reason)}", ADDITIVE, reason)
