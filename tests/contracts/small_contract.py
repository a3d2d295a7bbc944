"""A small contract with what the real one does not use: defaults, `oneOf`, bare statuses."""

from typing import Any

_TEXT = {"type": "string"}


def _variant(tag: str, **members: Any) -> dict[str, Any]:
    named = {"kind": {"const": tag}, **members}
    return {"type": "object", "required": ["kind"], "properties": named}


SHAPES = {
    "oneOf": [_variant("circle", radius={"type": "number"}), _variant("square", side=_TEXT)],
    "discriminator": {"propertyName": "kind", "mapping": {"circle": "#/c"}},
}
BODY = {
    "type": "object",
    "required": ["shape"],
    "properties": {
        "shape": SHAPES,
        "colour": {"type": "string", "default": "red"},
        "size": {"type": "integer", "multipleOf": 4, "format": "int32"},
        "tags": {"type": "array", "items": _TEXT, "uniqueItems": True},
        "either": {"oneOf": [{"type": "integer", "minimum": 0}, {"type": "integer"}]},
        "never": {"not": {}},
        "not_x": {"type": "string", "not": {"const": "x"}},
        "old": {"type": "string", "deprecated": True},
    },
}
CONTENT = {"application/json": {"schema": {"$ref": "#/components/schemas/body"}}}


def contract(operation: str) -> dict[str, Any]:
    """The body as what a `request` holds, or as what a `response` does."""
    stated: dict[str, Any] = {"operationId": "bodies.it", "responses": {"204": {"description": ""}}}
    if operation == "request":
        stated["requestBody"] = {"content": CONTENT}
    else:
        stated["responses"]["200"] = {"description": "", "content": CONTENT}
    return {
        "openapi": "3.1.0",
        "paths": {"/bodies": {"post": stated}},
        "components": {"schemas": {"body": BODY}},
    }
