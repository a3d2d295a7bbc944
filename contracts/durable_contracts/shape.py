"""Which members of an OpenAPI object hold which other objects.

Bundling, lowering and comparing walk the document by this one table.
"""

from collections.abc import Callable
from typing import Any

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

# kind of object -> member -> (how it is held: one, list or map; kind of the held object)
MEMBERS: dict[str, dict[str, tuple[str, str]]] = {
    "document": {"paths": ("map", "path"), "components": ("one", "components")},
    "path": {"parameters": ("list", "parameter"), **dict.fromkeys(METHODS, ("one", "operation"))},
    "operation": {
        "parameters": ("list", "parameter"),
        "requestBody": ("one", "requestBody"),
        "responses": ("map", "response"),
    },
    "parameter": {
        "schema": ("one", "schema"),
        "content": ("map", "mediaType"),
        "examples": ("map", "example"),
    },
    "header": {"schema": ("one", "schema"), "content": ("map", "mediaType")},
    "requestBody": {"content": ("map", "mediaType")},
    "response": {
        "headers": ("map", "header"),
        "content": ("map", "mediaType"),
        "links": ("map", "link"),
    },
    "mediaType": {"schema": ("one", "schema"), "examples": ("map", "example")},
    "components": {
        "schemas": ("map", "schema"),
        "parameters": ("map", "parameter"),
        "headers": ("map", "header"),
        "responses": ("map", "response"),
        "requestBodies": ("map", "requestBody"),
        "examples": ("map", "example"),
        "links": ("map", "link"),
        "securitySchemes": ("map", "securityScheme"),
    },
    "schema": {
        "properties": ("map", "schema"),
        "additionalProperties": ("one", "schema"),
        "items": ("one", "schema"),
        "allOf": ("list", "schema"),
        "anyOf": ("list", "schema"),
        "oneOf": ("list", "schema"),
        "not": ("one", "schema"),
        "$defs": ("map", "schema"),
    },
}

# kinds that a reference may share under /components, and the section that holds them
SECTIONS = {
    "schema": "schemas",
    "parameter": "parameters",
    "header": "headers",
    "response": "responses",
    "requestBody": "requestBodies",
    "example": "examples",
    "link": "links",
}

Visit = Callable[[Any, str, tuple[object, ...]], Any]


def map_members(
    node: dict[str, Any], kind: str, names: tuple[object, ...], visit: Visit
) -> dict[str, Any]:
    """A copy of an object with every held object replaced by what `visit` returns for it."""
    members = MEMBERS.get(kind, {})
    result: dict[str, Any] = {}
    for name, value in node.items():
        held = members.get(name)
        result[name] = value if held is None else _held(value, held, (*names, name), visit)
    return result


def _held(value: Any, held: tuple[str, str], names: tuple[object, ...], visit: Visit) -> Any:
    how, kind = held
    if how == "list" and isinstance(value, list):
        return [visit(item, kind, (*names, index)) for index, item in enumerate(value)]
    if how == "map" and isinstance(value, dict):
        return {key: visit(item, kind, (*names, key)) for key, item in value.items()}
    return visit(value, kind, names)
