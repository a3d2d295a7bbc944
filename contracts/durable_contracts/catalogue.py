"""Everything that the contract of this installation is made of, by name, with its digest."""

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any

from durable_contracts import bundle, locate, manifests, refusals
from durable_contracts.bundle import LOWERED_FILE, PUBLISHED_FILE
from durable_contracts.defect import Defect
from durable_contracts.manifests import BLESSED_FILE, REQUIREMENTS_FILE
from durable_contracts.operations import standing_alone
from durable_contracts.reading import read

REFUSALS = "refusals"
_KINDS = {
    PUBLISHED_FILE: "openapi",
    LOWERED_FILE: "openapi",
    BLESSED_FILE: "blessed",
    REQUIREMENTS_FILE: "requirements",
}


@dataclass(frozen=True)
class Entry:
    """One document of the contract."""

    name: str
    kind: str
    digest: str


@cache
def entries() -> tuple[Entry, ...]:
    """Every document, those of the whole contract first and its schemas after them."""
    whole = {path.name: path for path in sorted(locate.tree().manifests.glob("*.json"))}
    found = [
        Entry(name.removesuffix(".json"), _KINDS.get(name, "manifest"), digest_of(read(path)))
        for name, path in whole.items()
    ]
    found.append(Entry(REFUSALS, "refusals", digest_of(document(REFUSALS))))
    schemas = bundle.published()["components"]["schemas"]
    found += [Entry(name, "schema", digest_of(document(name))) for name in schemas]
    return tuple(found)


def digest_of(value: Any) -> str:
    """The digest of a document's meaning."""
    return manifests.digest(value)


@cache
def whole_digest() -> str:
    """One digest over those of all documents."""
    text = "\n".join(f"{entry.name} {entry.digest}" for entry in entries())
    return hashlib.sha256(text.encode()).hexdigest()


def document(name: str) -> dict[str, Any]:
    """The document of a name; a schema stands alone, with what it refers to."""
    if name == REFUSALS:
        return {"reasons": refusals.promised(locate.tree())}
    published = bundle.published()
    if name in published["components"]["schemas"]:
        return standing_alone(published, name)
    path = locate.tree().manifests / f"{name}.json"
    if "/" in name or not path.is_file():
        raise Defect(name, "the contract has no such document")
    found: dict[str, Any] = read(path)
    return found
