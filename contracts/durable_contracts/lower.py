"""OpenAPI 3.1 with JSON Schema 2020-12 translated to OpenAPI 3.0, without changing a verdict.

Only the profile is translated. Credentials are left out: the server's gates judge them before the
router's stock security would.
"""

from typing import Any

from durable_contracts.defect import Defect
from durable_contracts.reading import pointer
from durable_contracts.shape import map_members

VERSION = "3.0.3"

_LEFT_OUT: dict[str, set[str]] = {
    "document": {"jsonSchemaDialect", "webhooks", "security"},
    "operation": {"security"},
    "response": {"links"},
    "components": {"securitySchemes", "pathItems", "examples", "links"},
    "mediaType": {"examples"},
    "parameter": {"examples"},
    # `format` asserts in 3.0 and only annotates in 2020-12: the verdicts would differ.
    "schema": {"$schema", "$id", "$comment", "$defs", "examples", "format", "discriminator"},
}
_KNOWN = {
    *("$ref", "title", "description", "default", "deprecated", "type", "enum", "const"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength"),
    *("pattern", "minItems", "maxItems", "uniqueItems", "items", "minProperties"),
    *("maxProperties", "properties", "required", "additionalProperties"),
    *("allOf", "anyOf", "oneOf", "not"),
}
Schema = dict[str, Any]


def lower(document: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI 3.0 document that judges every request and reply like this 3.1 document."""
    schemas = document.get("components", {}).get("schemas", {})
    lowered: dict[str, Any] = _Lowering(schemas).visit(document, "document", ())
    info = {key: value for key, value in lowered["info"].items() if key != "summary"}
    if "license" in info:
        info["license"] = {k: v for k, v in info["license"].items() if k != "identifier"}
    return {**lowered, "openapi": VERSION, "info": info}


class _Lowering:
    def __init__(self, schemas: dict[str, Any]) -> None:
        self._schemas = schemas

    def visit(self, node: Any, kind: str, names: tuple[object, ...]) -> Any:
        if kind == "schema":
            return lower_schema(node, names)
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return {"$ref": node["$ref"]}
        if kind in ("parameter", "header") and "schema" in node:
            node = {**node, "schema": self._inline(node["schema"])}
            return self._members(node, kind, names, whole_numbers=False)
        return self._members(node, kind, names)

    def _members(
        self, node: Any, kind: str, names: tuple[object, ...], whole_numbers: bool = True
    ) -> Any:
        kept = {k: v for k, v in node.items() if k not in _LEFT_OUT.get(kind, ())}
        if whole_numbers:
            return map_members(kept, kind, names, self.visit)
        return map_members(kept, kind, names, _as_parameter)

    def _inline(self, schema: Any) -> Any:
        # The router turns texts into values by the `type` it finds in the parameter itself.
        if not isinstance(schema, dict) or "$ref" not in schema:
            return schema
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        named = self._inline(self._schemas[schema["$ref"].rsplit("/", 1)[1]])
        return {**named, **rest}


def _as_parameter(node: Any, kind: str, names: tuple[object, ...]) -> Any:
    return lower_schema(node, names, body=False) if kind == "schema" else node


def lower_schema(schema: Any, names: tuple[object, ...] = (), body: bool = True) -> Schema:
    """The OpenAPI 3.0 schema with the verdicts of this 2020-12 schema."""
    if schema is True:
        return {}
    if schema is False:
        return {"not": {}}
    if not isinstance(schema, dict):
        raise Defect(f"#{pointer(*names)}", "a schema is an object, true or false")
    kept = {key: value for key, value in schema.items() if key not in _LEFT_OUT["schema"]}
    for key in kept:
        if key not in _KNOWN and not key.startswith("x-"):
            place = f"#{pointer(*names, key)}"
            raise Defect(place, f"the keyword {key!r} cannot be said in OpenAPI 3.0")

    def visit(child: Any, _: str, child_names: tuple[object, ...]) -> Any:
        if isinstance(child, bool) and child_names[-1] == "additionalProperties":
            return child
        return lower_schema(child, child_names, body)

    result = map_members(kept, "schema", names, visit)
    for translate in (_constant, _bounds, _required, _pattern, _reference):
        result = translate(result)
    return _types(result, body)


def _constant(schema: Schema) -> Schema:
    if "const" not in schema:
        return schema
    return {
        ("enum" if k == "const" else k): ([v] if k == "const" else v) for k, v in schema.items()
    }


def _bounds(schema: Schema) -> Schema:
    result = dict(schema)
    for plain, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if exclusive in schema:
            result[plain] = schema[exclusive]
            result[exclusive] = True
    return result


def _required(schema: Schema) -> Schema:
    if schema.get("required") != []:
        return schema
    return {key: value for key, value in schema.items() if key != "required"}


def _pattern(schema: Schema) -> Schema:
    if "pattern" not in schema:
        return schema
    return {**schema, "pattern": exact_end(schema["pattern"])}


def exact_end(pattern: str) -> str:
    """The pattern with `$` meaning the end of the text, also in Python.

    Python's `$` also stands before a line feed at the end.
    """
    result, in_class, escaped = "", False, False
    for letter in pattern:
        end = letter == "$" and not in_class and not escaped
        result += r"$(?!\n)" if end else letter
        if not escaped:
            in_class = letter == "[" or (in_class and letter != "]")
        escaped = letter == "\\" and not escaped
    return result


def _reference(schema: Schema) -> Schema:
    siblings = {key: value for key, value in schema.items() if key != "$ref"}
    if "$ref" not in schema or not siblings:
        return schema
    return _and(siblings, {"$ref": schema["$ref"]})


def _types(schema: Schema, body: bool) -> Schema:
    if "type" not in schema:
        return schema
    named = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    values = schema.get("enum")
    # An enum without null refuses null whatever the type says; 3.0's `nullable` would let it pass.
    nullable = "null" in named and (values is None or None in values)
    plain = [name for name in named if name != "null"]
    rest = {key: value for key, value in schema.items() if key != "type"}
    if len(plain) == 1:
        return {**rest, **_one_type(plain[0], body), **({"nullable": True} if nullable else {})}
    alternatives = [_one_type(name, body) for name in plain]
    if nullable:
        alternatives.append({"type": "string", "nullable": True, "enum": [None]})
    if len(alternatives) == 1:
        return _and(rest, alternatives[0])
    if not alternatives:
        return _and(rest, {"not": {}})
    return _and(rest, {"anyOf": alternatives})


def _one_type(name: str, body: bool) -> Schema:
    # 1.0 is an integer in 2020-12 and not in the older dialect. Parameters are texts: there the
    # router needs to read `integer`.
    if name == "integer" and body:
        return {"type": "number", "multipleOf": 1}
    return {"type": name}


def _and(schema: Schema, other: Schema) -> Schema:
    if set(other).isdisjoint(schema) and "$ref" not in other:
        return {**schema, **other}
    return {**schema, "allOf": [*schema.get("allOf", []), other]}
