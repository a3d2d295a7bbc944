"""One document out of many files: every reference resolved into `#/components/…`.

`published()`, `lowered()` and `operations()` read the committed result, so that a server starts
without parsing the sources; `assemble` and `durable_contracts.manifests` rebuild it.
"""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from durable_contracts import locate
from durable_contracts.defect import Defect
from durable_contracts.locate import Tree
from durable_contracts.lower import lower
from durable_contracts.operations import Operation, Parameter, operations_of
from durable_contracts.profile import Profile, load
from durable_contracts.reading import at, escape, pointer, read, tokens
from durable_contracts.shape import SECTIONS, map_members

__all__ = [
    "Operation",
    "Parameter",
    "assemble",
    "lowered",
    "operations",
    "published",
    "published_yaml",
]

_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

PUBLISHED_FILE = "openapi-3.1.json"
LOWERED_FILE = "openapi-3.0.json"

_NOT_PUBLISHED = {"$schema", "$id", "$comment"}
Origin = tuple[Path, tuple[str, ...]]


class _Assembly:
    """The components found so far, each with the place it came from."""

    def __init__(self, tree: Tree, profile: Profile) -> None:
        self.tree = tree
        self.profile = profile
        self.components: dict[str, dict[str, Any]] = {}
        self._origins: dict[tuple[str, str], Origin] = {}
        self._open: list[tuple[str, str]] = []

    def resolve(self, node: Any, kind: str, origin: Origin) -> Any:
        """A copy of a node without references to other files."""
        if kind == "schema":
            self.profile.check(node, self._place(origin))
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return self._reference(node, kind, origin)
        path, names = origin

        def visit(child: Any, child_kind: str, child_names: tuple[object, ...]) -> Any:
            return self.resolve(child, child_kind, (path, tuple(map(str, child_names))))

        result = map_members(node, kind, names, visit)
        if kind == "schema":
            result = self._without_file_facts(result)
        return result

    def _reference(self, node: dict[str, Any], kind: str, origin: Origin) -> Any:
        target = self._target(node["$ref"], origin)
        if kind not in SECTIONS:
            return self.resolve(self._value(target, origin), kind, target)
        name = self._share(kind, target, origin)
        siblings = {key: value for key, value in node.items() if key != "$ref"}
        if kind == "schema" and siblings:
            siblings = self.resolve(siblings, kind, origin)
        return {"$ref": f"#/components/{SECTIONS[kind]}/{name}", **siblings}

    def _share(self, kind: str, target: Origin, origin: Origin) -> str:
        name = self._name(target)
        key = (kind, name)
        if key in self._open:
            raise Defect(self._place(origin), f"{name} refers to itself")
        known = self._origins.setdefault(key, target)
        if known != target:
            raise Defect(self._place(origin), f"{name} already names {self._place(known)}")
        section = self.components.setdefault(SECTIONS[kind], {})
        if name not in section:
            self._open.append(key)
            section[name] = self.resolve(self._value(target, origin), kind, target)
            self._open.pop()
        return name

    def _target(self, reference: Any, origin: Origin) -> Origin:
        file, _, fragment = str(reference).partition("#")
        path = (origin[0].parent / file).resolve() if file else origin[0]
        if not path.is_relative_to(self.tree.root.resolve()):
            raise Defect(self._place(origin), f"{reference!r} leaves the contract")
        return path, tokens(fragment)

    def _value(self, target: Origin, origin: Origin) -> Any:
        if not target[0].is_file():
            raise Defect(self._place(origin), f"there is no {self.tree.label(target[0])}")
        return at(read(target[0]), target[1], self._place(target))

    def _name(self, target: Origin) -> str:
        path, names = target
        schemas = self.tree.schemas.resolve()
        if not path.is_relative_to(schemas):
            return names[-1] if names else path.stem
        stem = ".".join(path.relative_to(schemas).with_suffix("").parts)
        return f"{stem}.{names[-1]}" if names else stem

    def _place(self, origin: Origin) -> str:
        return f"{self.tree.label(origin[0])}#{pointer(*origin[1])}"

    @staticmethod
    def _without_file_facts(schema: dict[str, Any]) -> dict[str, Any]:
        # A definition that nothing refers to is not part of the promise; the others are components.
        return {k: v for k, v in schema.items() if k not in _NOT_PUBLISHED and k != "$defs"}


def assemble(tree: Tree) -> dict[str, Any]:
    """The OpenAPI 3.1 document, put together from the sources."""
    path = tree.document.resolve()
    assembly = _Assembly(tree, load(tree))
    document: dict[str, Any] = assembly.resolve(read(path), "document", (path, ()))
    components = dict(document.get("components", {}))
    for section, found in assembly.components.items():
        components[section] = {**components.get(section, {}), **found}
    document["components"] = {
        section: dict(sorted(held.items())) for section, held in sorted(components.items())
    }
    _check_operation_ids(document)
    return document


def _check_operation_ids(document: dict[str, Any]) -> None:
    seen: dict[str, str] = {}
    for route, item in document.get("paths", {}).items():
        for method, operation in item.items():
            if not isinstance(operation, dict) or method == "parameters":
                continue
            place = f"#/paths/{escape(route)}/{method}"
            name = operation.get("operationId")
            if not isinstance(name, str) or name.count(".") != 1:
                raise Defect(place, "an operationId reads stem.function")
            if name in seen:
                raise Defect(place, f"{name} already names {seen[name]}")
            seen[name] = place


@cache
def published() -> dict[str, Any]:
    """The OpenAPI 3.1 document that we publish."""
    return _committed(PUBLISHED_FILE) or assemble(locate.tree())


@cache
def lowered() -> dict[str, Any]:
    """The same promise as an OpenAPI 3.0 document, for the router."""
    return _committed(LOWERED_FILE) or lower(published())


@cache
def published_yaml() -> str:
    """The published document as YAML text."""
    return as_yaml(published())


def as_yaml(document: dict[str, Any]) -> str:
    """A document as YAML text, its members in their order."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text


@cache
def operations() -> list[Operation]:
    """Every operation of the published document, in the document's order."""
    return operations_of(published())


def _committed(name: str) -> dict[str, Any] | None:
    path = locate.tree().manifests / name
    document: dict[str, Any] | None = read(path) if path.is_file() else None
    return document
