"""The operations of the published document as values, each with schemas that stand alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from durable_contracts.defect import Defect
from durable_contracts.reading import escape
from durable_contracts.shape import METHODS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PLANES = ("public", "discovery", "worker", "control")
_JSON = "application/json"
_COMPONENTS = "#/components/schemas/"

Schema = dict[str, Any]


@dataclass(frozen=True)
class Parameter:
    """One parameter: where it travels, whether it must be there, and what it may hold."""

    name: str
    location: str
    required: bool
    schema: Schema


@dataclass(frozen=True)
class Operation:
    """One operation: its address, who may call it, and what goes in and out.

    Schemas are JSON Schema 2020-12 and hold what they refer to under `$defs`. A response whose
    body is not JSON has the schema None.
    """

    operation_id: str
    method: str
    path: str
    plane: str
    roles: frozenset[str]
    namespace_required: bool
    version_rule: str
    control_operation: str | None
    parameters: tuple[Parameter, ...]
    request_schema: Schema | None
    body_required: bool
    responses: dict[int, Schema | None]


def operations_of(document: dict[str, Any]) -> list[Operation]:
    """Every operation of an OpenAPI 3.1 document, in the document's order."""
    reader = _Reader(document)
    return [
        reader.operation(path, method, item)
        for path, item in document.get("paths", {}).items()
        for method in METHODS
        if method in item
    ]


def standing_alone(document: dict[str, Any], name: str) -> Schema:
    """A schema of an OpenAPI 3.1 document with everything that it refers to."""
    return _Reader(document).alone({"$ref": f"{_COMPONENTS}{name}"})


class _Reader:
    def __init__(self, document: dict[str, Any]) -> None:
        self._components = document.get("components", {})
        self._rewritten: dict[str, Schema] = {}

    def operation(self, path: str, method: str, item: dict[str, Any]) -> Operation:
        stated = item[method]
        place = f"#/paths/{escape(path)}/{method}"
        body = self._named(stated.get("requestBody", {}))
        return Operation(
            operation_id=stated["operationId"],
            method=method.upper(),
            path=path,
            plane=_one_of(stated, "x-plane", PLANES, place),
            roles=frozenset(_stated(stated, "x-roles", place)),
            namespace_required=_one_of(stated, "x-namespace", ("required", "ignored"), place)
            == "required",
            version_rule=_one_of(stated, "x-version", ("required", "optional", "none"), place),
            control_operation=stated.get("x-control-operation"),
            parameters=tuple(self._parameters(item, stated)),
            request_schema=self._body_schema(body),
            body_required=bool(body.get("required", False)),
            responses={
                int(status): self._body_schema(self._named(response))
                for status, response in stated["responses"].items()
            },
        )

    def _parameters(self, item: dict[str, Any], stated: dict[str, Any]) -> Iterator[Parameter]:
        for listed in (*item.get("parameters", []), *stated.get("parameters", [])):
            named = self._named(listed)
            required = bool(named.get("required", False))
            schema = self.alone(named.get("schema", {}))
            yield Parameter(named["name"], named["in"], required, schema)

    def _named(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            section, name = node["$ref"].split("/")[-2:]
            node = self._components[section][name]
        return node

    def _body_schema(self, holder: dict[str, Any]) -> Schema | None:
        content = holder.get("content", {}).get(_JSON)
        if content is None or "schema" not in content:
            return None
        return self.alone(content["schema"])

    def alone(self, schema: Schema) -> Schema:
        """A schema with what it refers to under `$defs`."""
        if set(schema) == {"$ref"}:
            schema = self._components["schemas"][schema["$ref"].removeprefix(_COMPONENTS)]
        needed: dict[str, Schema] = {}
        self._gather(schema, needed)
        root = _rewrite(schema)
        whole = {"$schema": DIALECT, **root}
        return {**whole, "$defs": dict(sorted(needed.items()))} if needed else whole

    def _gather(self, node: Any, needed: dict[str, Schema]) -> None:
        for name in _references(node):
            if name not in needed:
                component = self._components["schemas"][name]
                if name not in self._rewritten:
                    self._rewritten[name] = _rewrite(component)
                needed[name] = self._rewritten[name]
                self._gather(component, needed)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _references(item)
    elif isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str) and reference.startswith(_COMPONENTS):
            yield reference.removeprefix(_COMPONENTS)
        for value in node.values():
            yield from _references(value)


def _rewrite(node: Any) -> Any:
    if isinstance(node, list):
        return [_rewrite(item) for item in node]
    if not isinstance(node, dict):
        return node
    result = {key: _rewrite(value) for key, value in node.items()}
    reference = result.get("$ref")
    if isinstance(reference, str) and reference.startswith(_COMPONENTS):
        result["$ref"] = f"#/$defs/{reference.removeprefix(_COMPONENTS)}"
    return result


def _stated(operation: dict[str, Any], name: str, place: str) -> Any:
    if name not in operation:
        raise Defect(place, f"the operation does not say {name}")
    return operation[name]


def _one_of(operation: dict[str, Any], name: str, known: tuple[str, ...], place: str) -> str:
    value = str(_stated(operation, name, place))
    if value not in known:
        raise Defect(f"{place}/{name}", f"{value!r} is none of {', '.join(known)}")
    return value
