"""What a changed contract means for its users: nothing, more than before, or a broken promise.

A contract is an OpenAPI 3.1 document; `x-refusals` and `x-manifests` may hold what belongs to it.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from durable_contracts.change import (
    ADDITIVE,
    BREAKING,
    IDENTICAL,
    REQUEST,
    RESPONSE,
    WORDING,
    Change,
)
from durable_contracts.compare_access import access_changes, scheme_changes
from durable_contracts.compare_promises import manifest_changes, refusal_changes
from durable_contracts.compare_schemas import Side, schema_changes
from durable_contracts.reading import escape
from durable_contracts.schema_parts import Placed, plain_text, references, touched
from durable_contracts.shape import METHODS

__all__ = ["ADDITIVE", "BREAKING", "IDENTICAL", "WORDING", "Change", "diff", "verdict"]

_FIXED = {
    "operationId": "operation-renamed",
    "x-plane": "operation-plane-changed",
    "x-namespace": "operation-namespace-changed",
    "x-control-operation": "operation-control-name-changed",
}
_WORDS = ("summary", "description", "tags", "externalDocs")
_FORMS = {"style": None, "explode": None, "allowReserved": False, "allowEmptyValue": False}
_ABOUT = ("info", "tags", "externalDocs", "openapi", "jsonSchemaDialect")
Document = dict[str, Any]


def diff(old: Document, new: Document) -> list[Change]:
    """Every difference between two contracts that somebody could notice."""
    found: dict[Change, dict[str, None]] = {}
    for change in _all_changes(old, new):
        known = found.setdefault(replace(change, operations=()), {})
        known.update(dict.fromkeys(change.operations))
    return [replace(change, operations=tuple(names)) for change, names in found.items()]


def verdict(changes: Iterable[Change]) -> str:
    """The worst that the differences mean: identical, additive or breaking."""
    kinds = {change.kind for change in changes}
    if BREAKING in kinds:
        return BREAKING
    return ADDITIVE if ADDITIVE in kinds else IDENTICAL


def _all_changes(old: Document, new: Document) -> Iterator[Change]:
    yield from _about(old, new)
    yield from scheme_changes(old, new)
    yield from _Comparison(old, new).changes()
    yield from refusal_changes(old.get("x-refusals", {}), new.get("x-refusals", {}))
    yield from manifest_changes(old.get("x-manifests", {}), new.get("x-manifests", {}))


def _about(old: Document, new: Document) -> Iterator[Change]:
    for name in _ABOUT:
        if old.get(name) != new.get(name):
            yield Change("document-wording", f"/{name}", "said in other words")
    before, after = (
        [server.get("url") for server in document.get("servers", [])] for document in (old, new)
    )
    for index, url in enumerate(before):
        if url not in after:
            yield Change("server-removed", f"/servers/{index}", f"{url} is gone")
    for index, url in enumerate(after):
        if url not in before:
            yield Change("server-added", f"/servers/{index}", f"{url} is new")
    if set(before) == set(after) and old.get("servers") != new.get("servers"):
        yield Change("document-wording", "/servers", "said in other words")


class _Comparison:
    def __init__(self, old: Document, new: Document) -> None:
        self.old, self.new = old, new
        before, after = (document.get("components", {}) for document in (old, new))
        self._touched = touched(before, after)
        schemas = before.get("schemas", {}), after.get("schemas", {})
        self._sides = {name: Side(name, *schemas, self._touched) for name in (REQUEST, RESPONSE)}

    def changes(self) -> Iterator[Change]:
        before, after = dict(_operations(self.old)), dict(_operations(self.new))
        for key, operation in before.items():
            place, name = _address(key), str(operation.get("operationId"))
            if key not in after:
                yield Change("operation-removed", place, f"{name} is gone", (name,))
            elif not self._untouched(operation, after[key]):
                for change in self._operation(operation, after[key], place):
                    yield replace(change, operations=(name,))
        for key, operation in after.items():
            if key not in before:
                name = str(operation.get("operationId"))
                yield Change("operation-added", _address(key), f"{name} is new", (name,))

    def _untouched(self, old: Document, new: Document) -> bool:
        """Whether nothing of an operation, nor of what it refers to, has changed."""
        text = json.dumps(old)
        unsaid = "security" in old or self.old.get("security") == self.new.get("security")
        return text == json.dumps(new) and unsaid and not references(text) & self._touched

    def _operation(self, old: Document, new: Document, place: str) -> Iterator[Change]:
        for name, rule in _FIXED.items():
            if old.get(name) != new.get(name):
                yield Change(rule, f"{place}/{name}", f"was {old.get(name)}, is {new.get(name)}")
        yield from access_changes(old, new, (self.old, self.new), place)
        yield from _deprecation("operation", old, new, place)
        for name in _WORDS:
            if old.get(name) != new.get(name):
                yield Change("operation-wording", f"{place}/{name}", "explained in other words")
        yield from self._parameters(old, new, place)
        yield from self._request(old, new, f"{place}/requestBody")
        yield from self._responses(old, new, f"{place}/responses")

    def _parameters(self, old: Document, new: Document, place: str) -> Iterator[Change]:
        before = _parameter_map(old, self.old, place)
        after = _parameter_map(new, self.new, place)
        for key, was in before.items():
            if key in after:
                yield from self._parameter(was, after[key])
            else:
                yield Change("parameter-removed", was.pointer, f"{' '.join(key)} is gone")
        for key, now in after.items():
            if key not in before:
                rule = "parameter-added-required" if _needed(now.schema) else "parameter-added"
                yield Change(rule, now.pointer, f"{' '.join(key)} is new")

    def _parameter(self, old: Placed, new: Placed) -> Iterator[Change]:
        was, now, at = old.schema, new.schema, new.pointer
        if _needed(was) != _needed(now):
            rule = "parameter-required" if _needed(now) else "parameter-optional"
            yield Change(rule, f"{at}/required", "whether it must be there")
        yield from _deprecation("parameter", was, now, at)
        if was.get("description") != now.get("description"):
            yield Change("parameter-wording", f"{at}/description", "explained in other words")
        for name, usual in _FORMS.items():
            if _form(was, name, usual) != _form(now, name, usual):
                yield Change("parameter-form-changed", f"{at}/{name}", f"{name} differs")
        if sorted(was.get("content", ())) != sorted(now.get("content", ())):
            yield Change("parameter-form-changed", f"{at}/content", "its media type differs")
        yield from self._schemas(old, new, REQUEST)
        for name in was.get("content", {}):
            if name in now.get("content", {}):
                held = _inside(old, "content", name), _inside(new, "content", name)
                yield from self._schemas(held[0], held[1], REQUEST)

    def _schemas(self, old: Placed, new: Placed, direction: str) -> Iterator[Change]:
        before, after = (
            Placed(each.schema.get("schema", True), f"{each.pointer}/schema") for each in (old, new)
        )
        yield from schema_changes((before,), (after,), self._sides[direction])

    def _request(self, old: Document, new: Document, place: str) -> Iterator[Change]:
        before = _named(Placed(old.get("requestBody", {}), place), self.old)
        after = _named(Placed(new.get("requestBody", {}), place), self.new)
        was, now = before.schema, after.schema
        if was and not now:
            yield Change("body-removed", place, "the body is gone")
        elif now and not was:
            rule = "body-added-required" if _needed(now) else "body-added"
            yield Change(rule, place, "there is a body now")
        elif was:
            if _needed(was) != _needed(now):
                rule = "body-required" if _needed(now) else "body-optional"
                yield Change(rule, f"{after.pointer}/required", "whether it must be there")
            if was.get("description") != now.get("description"):
                yield Change("body-wording", after.pointer, "explained in other words")
            yield from self._content(before, after, REQUEST)

    def _responses(self, old: Document, new: Document, place: str) -> Iterator[Change]:
        before, after = old.get("responses", {}), new.get("responses", {})
        for status, listed in before.items():
            at = f"{place}/{status}"
            if status in after:
                was = _named(Placed(listed, at), self.old)
                yield from self._response(was, _named(Placed(after[status], at), self.new))
            else:
                yield Change("status-removed", at, f"{status} is gone")
        for status in after:
            if status not in before:
                rule = "status-added" if status[0] in "45" else "success-added"
                yield Change(rule, f"{place}/{status}", f"{status} is new")

    def _response(self, old: Placed, new: Placed) -> Iterator[Change]:
        if old.schema.get("description") != new.schema.get("description"):
            yield Change("response-text", new.pointer, "explained in other words")
        yield from self._headers(_header_map(old, self.old), _header_map(new, self.new))
        yield from _link_changes(_link_map(old, self.old), _link_map(new, self.new))
        before, after = (bool(each.schema.get("content")) for each in (old, new))
        if before and not after:
            yield Change("response-body-removed", old.pointer, "the reply has no body any more")
        elif after and not before:
            yield Change("response-body-added", new.pointer, "the reply has a body now")
        else:
            yield from self._content(old, new, RESPONSE)

    def _headers(self, old: dict[str, Placed], new: dict[str, Placed]) -> Iterator[Change]:
        for name, was in old.items():
            if name not in new:
                yield Change("header-removed", was.pointer, f"{name} is gone")
                continue
            now = new[name]
            if _needed(was.schema) != _needed(now.schema):
                rule = "header-required" if _needed(now.schema) else "header-optional"
                yield Change(rule, f"{now.pointer}/required", "whether it is always there")
            if was.schema.get("description") != now.schema.get("description"):
                yield Change("header-wording", now.pointer, "explained in other words")
            yield from self._schemas(was, now, RESPONSE)
        for name, now in new.items():
            if name not in old:
                yield Change("header-added", now.pointer, f"{name} is new")

    def _content(self, old: Placed, new: Placed, direction: str) -> Iterator[Change]:
        before, after = old.schema.get("content", {}), new.schema.get("content", {})
        for name in before:
            if name in after:
                held = _inside(old, "content", name), _inside(new, "content", name)
                yield from self._schemas(held[0], held[1], direction)
            else:
                at = _inside(old, "content", name).pointer
                yield Change(f"{direction}-type-removed", at, f"{name} is gone")
        for name in after:
            if name not in before:
                at = _inside(new, "content", name).pointer
                yield Change(f"{direction}-type-added", at, f"{name} is new")


def _address(key: tuple[str, str]) -> str:
    return f"/paths/{escape(key[0])}/{key[1]}"


def _operations(document: Document) -> Iterator[tuple[tuple[str, str], Document]]:
    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                yield (path, method), {**item[method], "_shared": item.get("parameters", [])}


def _named(placed: Placed, document: Document) -> Placed:
    while "$ref" in placed.schema:
        section, name = placed.schema["$ref"].split("/")[-2:]
        node = document["components"][section][name]
        placed = Placed(node, f"/components/{section}/{escape(name)}")
    return placed


def _inside(placed: Placed, *names: str) -> Placed:
    for name in names:
        placed = Placed(placed.schema[name], f"{placed.pointer}/{escape(name)}")
    return placed


def _parameter_map(
    operation: Document, document: Document, place: str
) -> dict[tuple[str, str], Placed]:
    found = {}
    above = place.rsplit("/", 1)[0]
    for base, listed in ((above, operation["_shared"]), (place, operation.get("parameters", []))):
        for index, node in enumerate(listed):
            placed = _named(Placed(node, f"{base}/parameters/{index}"), document)
            location, name = placed.schema["in"], placed.schema["name"]
            found[location, name.lower() if location == "header" else name] = placed
    return found


def _header_map(response: Placed, document: Document) -> dict[str, Placed]:
    return {
        name.lower(): _named(_inside(response, "headers", name), document)
        for name in response.schema.get("headers", {})
    }


def _link_map(response: Placed, document: Document) -> dict[str, Placed]:
    return {
        name: _named(_inside(response, "links", name), document)
        for name in response.schema.get("links", {})
    }


def _link_changes(old: dict[str, Placed], new: dict[str, Placed]) -> Iterator[Change]:
    for name, was in old.items():
        if name not in new:
            yield Change("link-removed", was.pointer, f"{name} is gone")
            continue
        before, after = ({**each.schema} for each in (was, new[name]))
        if before.pop("description", None) != after.pop("description", None):
            yield Change("link-wording", new[name].pointer, "explained in other words")
        if before != after:
            yield Change("link-changed", new[name].pointer, f"{name} leads elsewhere")
    for name, now in new.items():
        if name not in old:
            yield Change("link-added", now.pointer, f"{name} is new")


def _needed(node: Document) -> bool:
    return bool(node.get("required"))


def _form(parameter: Document, name: str, usual: bool | None) -> str:
    style = "form" if parameter["in"] in ("query", "cookie") else "simple"
    if name == "style":
        return str(parameter.get(name, style))
    if name == "explode":
        usual = parameter.get("style", style) == "form"
    return plain_text(parameter.get(name, usual))


def _deprecation(what: str, old: Document, new: Document, place: str) -> Iterator[Change]:
    before, after = bool(old.get("deprecated")), bool(new.get("deprecated"))
    if before != after:
        rule = f"{what}-deprecated" if after else f"{what}-restored"
        yield Change(rule, f"{place}/deprecated", "whether callers are told to leave it")
