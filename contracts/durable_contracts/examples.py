"""Documents that must pass their schema and documents that must not, with the fields at fault."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from durable_contracts import locate
from durable_contracts.defect import Defect
from durable_contracts.locate import Tree
from durable_contracts.reading import files, read

_FILE = re.compile(r"(?P<operation>[a-z_]+)\.(?P<part>request|response)\.yaml")
_MEMBERS = {"name", "status", "valid", "document", "pointers"}


@dataclass(frozen=True)
class Example:
    """One document, the part of the operation it belongs to, and the verdict it must get."""

    operation_id: str
    part: str
    status: int | None
    valid: bool
    name: str
    document: Any
    violations: tuple[str, ...]


@cache
def load() -> list[Example]:
    """Every example of this installation's contract."""
    return load_from(locate.tree())


def load_from(tree: Tree) -> list[Example]:
    """Every example in a tree of contract files."""
    found = [example for path in files(tree.examples, ".yaml") for example in _file(tree, path)]
    names = [(example.operation_id, example.part, example.name) for example in found]
    for name in names:
        if names.count(name) > 1:
            raise Defect("contracts/examples", f"{' '.join(name)} is there twice")
    return found


def _file(tree: Tree, path: Path) -> Iterator[Example]:
    label = tree.label(path)
    match = _FILE.fullmatch(path.name)
    if match is None or path.parent.parent != tree.examples:
        raise Defect(label, "examples live in <stem>/<operation>.<request|response>.yaml")
    operation_id = f"{path.parent.name}.{match['operation']}"
    for index, stated in enumerate(read(path) or []):
        place = f"{label}#/{index}"
        if not isinstance(stated, dict) or not set(stated) <= _MEMBERS:
            raise Defect(place, f"an example has {', '.join(sorted(_MEMBERS))}")
        for name in ("name", "valid", "document"):
            if name not in stated:
                raise Defect(place, f"the example does not say {name}")
        if not stated["valid"] and not stated.get("pointers"):
            raise Defect(place, "an invalid example names the fields at fault")
        yield Example(
            operation_id=operation_id,
            part=match["part"],
            status=stated.get("status"),
            valid=stated["valid"],
            name=stated["name"],
            document=stated["document"],
            violations=tuple(stated.get("pointers", ())),
        )
