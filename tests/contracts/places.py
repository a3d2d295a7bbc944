"""Where schemas stand in a contract, and which way the bodies travel that they describe.

Found by a walk of its own, so that it does not share the mistakes of the comparison.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Path = tuple[Any, ...]
Document = dict[str, Any]


@dataclass
class Place:
    """One schema: its path, its directions, and what it stands in (properties, anyOf, …)."""

    path: Path
    schema: dict[str, Any]
    directions: set[str] = field(default_factory=set)
    inside: set[str] = field(default_factory=set)

    @property
    def types(self) -> list[str]:
        named = self.schema.get("type", [])
        return [named] if isinstance(named, str) else list(named)


def at(document: Any, path: Path) -> Any:
    """What stands at a path."""
    for name in path:
        document = document[name]
    return document


def with_changed(document: Any, path: Path, change: Callable[[Any], Any]) -> Any:
    """A copy in which the value at a path is what `change` makes of it; the rest is shared."""
    if not path:
        return change(document)
    copy = list(document) if isinstance(document, list) else dict(document)
    copy[path[0]] = with_changed(document[path[0]], path[1:], change)
    return copy


def schemas(document: Document) -> list[Place]:
    """Every schema that an operation reaches."""
    found: dict[tuple[Path, str], Place] = {}
    seen: set[tuple[Path, str, str]] = set()
    waiting = [(path, way, "top") for path, way in _entries(document)]
    while waiting:
        path, way, inside = waiting.pop()
        if (path, way, inside) in seen:
            continue
        seen.add((path, way, inside))
        schema = at(document, path)
        if not isinstance(schema, dict):
            continue
        place = found.setdefault(path, Place(path, schema))  # type: ignore[call-overload]
        place.directions.add(way)
        place.inside.add(inside)
        if "$ref" in schema:
            waiting.append((target(schema["$ref"]), way, "ref" if inside == "top" else inside))
        # What stands under a choice or a conjunction is judged together with its neighbours.
        sticky = inside if inside in ("anyOf", "allOf", "not") else None
        waiting += [(path + part, way, sticky or kind) for part, kind in _held(schema)]
    return list(found.values())


def target(reference: str) -> Path:
    """The path that a reference names."""
    return tuple(reference.removeprefix("#/").split("/"))


def _held(schema: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    for name in schema.get("properties", {}):
        yield ("properties", name), "properties"
    for name in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(name), dict):
            yield (name,), name
    for name in ("anyOf", "oneOf", "allOf"):
        for index in range(len(schema.get(name, ()))):
            yield (name, index), "allOf" if name == "allOf" else "anyOf"


def operations(document: Document) -> Iterator[Path]:
    """The path of every operation."""
    for path, item in document["paths"].items():
        for method in item:
            if method != "parameters":
                yield ("paths", path, method)


def parts(document: Document, operation: Path) -> Iterator[tuple[str, Path]]:
    """The parameters, the body and the replies of an operation, references followed."""
    stated = at(document, operation)
    for index in range(len(stated.get("parameters", ()))):
        yield "parameter", followed(document, (*operation, "parameters", index))
    if "requestBody" in stated:
        yield "body", followed(document, (*operation, "requestBody"))
    for status in stated["responses"]:
        yield "response", followed(document, (*operation, "responses", status))


def followed(document: Document, path: Path) -> Path:
    """The path behind the references at a path."""
    node = at(document, path)
    return followed(document, target(node["$ref"])) if "$ref" in node else path


def _entries(document: Document) -> Iterator[tuple[Path, str]]:
    for operation in operations(document):
        for kind, path in parts(document, operation):
            way = "response" if kind == "response" else "request"
            node = at(document, path)
            if "schema" in node:
                yield (*path, "schema"), way
            for name, held in node.get("content", {}).items():
                if "schema" in held:
                    yield (*path, "content", name, "schema"), way
            for name in node.get("headers", {}):
                header = followed(document, (*path, "headers", name))
                yield (*header, "schema"), "response"
