"""The derived files: the two OpenAPI documents and the summaries that cluster info publishes.

Each is rebuilt from the sources, committed, and compared; nobody edits one.
"""

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from durable_contracts import locate
from durable_contracts.bundle import LOWERED_FILE, PUBLISHED_FILE, assemble
from durable_contracts.defect import Defect
from durable_contracts.locate import Tree
from durable_contracts.lower import lower
from durable_contracts.reading import files, read
from durable_contracts.versions import (
    CONTROL_HEADER,
    CONTROL_VERSION,
    WORKER_HEADER,
    WORKER_VERSION,
)

REPAIR = "durable-contracts manifests --write"
BLESSED_FILE = "blessed.json"
# Derived from the scenarios, which this package does not know; `make docs` rebuilds it.
REQUIREMENTS_FILE = "requirements.json"
_VALUES = {
    "{control_version}": CONTROL_VERSION,
    "{control_header}": CONTROL_HEADER,
    "{worker_version}": WORKER_VERSION,
    "{worker_header}": WORKER_HEADER,
}


@cache
def load(name: str) -> dict[str, Any]:
    """A manifest of this installation, by the name of its file; treat it as constant."""
    tree = locate.tree()
    path = tree.manifests / f"{name}.json"
    manifest: dict[str, Any] = read(path) if path.is_file() else derive(tree)[path.name]
    return manifest


def derive(tree: Tree) -> dict[str, dict[str, Any]]:
    """Every derived file by its name, rebuilt from the sources."""
    document = assemble(tree)
    derived = {PUBLISHED_FILE: document, LOWERED_FILE: lower(document)}
    for path in files(tree.published, ".yaml"):
        stated = _filled(read(path))
        derived[f"{path.stem}.json"] = _with_digests(stated)
    commands = derived.get("worker_protocol.json", {}).get("server_capabilities")
    if commands is not None:
        commands["supported_workflow_task_commands"] = _commands(tree, commands)
    return derived


def text_of(manifest: dict[str, Any]) -> str:
    """The manifest as it stands in its file."""
    return json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"


def digest(manifest: Any) -> str:
    """The digest of a manifest's meaning: the order of members does not count."""
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def write(tree: Tree) -> list[str]:
    """Rebuild the derived files; the names of those that changed."""
    tree.manifests.mkdir(parents=True, exist_ok=True)
    derived = derive(tree)
    changed = [name for name, _ in stale(tree, derived)]
    for name in changed:
        path = tree.manifests / name
        if name in derived:
            path.write_text(text_of(derived[name]), encoding="utf-8")
        else:
            path.unlink()
    return changed


def stale(tree: Tree, derived: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Derived files whose committed text is not what the sources say now, each with the reason."""
    for name, manifest in derived.items():
        path = tree.manifests / name
        if not path.is_file():
            yield name, "is missing"
        elif path.read_text(encoding="utf-8") != text_of(manifest):
            yield name, "differs from its sources"
    for path in sorted(tree.manifests.glob("*.json")):
        if path.name not in (*derived, BLESSED_FILE, REQUIREMENTS_FILE):
            yield path.name, "has no source"


def _filled(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _filled(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(item) for item in node]
    return _VALUES.get(node, node) if isinstance(node, str) else node


def _with_digests(manifest: dict[str, Any]) -> dict[str, Any]:
    fixtures = manifest.get("fixtures")
    if not isinstance(fixtures, dict):
        return manifest
    filled = {name: _with_digest(fixture) for name, fixture in fixtures.items()}
    return {**manifest, "fixtures": filled}


def _with_digest(fixture: dict[str, Any]) -> dict[str, Any]:
    # Clients recompute this over the members in the order in which they were sent.
    compact = json.dumps(fixture["example"], separators=(",", ":")).encode()
    rest = {key: value for key, value in fixture.items() if key != "example"}
    return {**rest, "sha256": hashlib.sha256(compact).hexdigest(), "example": fixture["example"]}


def _commands(tree: Tree, capabilities: dict[str, Any]) -> list[str]:
    order = capabilities["supported_workflow_task_commands"]
    written = {path.stem for path in files(tree.schemas / "commands", ".json")}
    unknown = written - set(order)
    if unknown:
        place = tree.label(tree.published / "worker_protocol.yaml")
        raise Defect(place, f"the order of commands does not name {', '.join(sorted(unknown))}")
    return [name for name in order if name in written]
