"""Released versions of a plane: what was promised is frozen, and today's promise must keep it.

A version is a draft until it is blessed; then its manifest is copied to `manifests/blessed/` and
its digest recorded in `manifests/blessed.json`.
"""

import json
from collections.abc import Iterator
from typing import Any

from durable_contracts import compare
from durable_contracts.bundle import assemble
from durable_contracts.compare import Change
from durable_contracts.defect import Defect
from durable_contracts.locate import Tree
from durable_contracts.manifests import BLESSED_FILE, digest, text_of
from durable_contracts.reading import read
from durable_contracts.refusals import load_from
from durable_contracts.shape import METHODS
from durable_contracts.versions import CONTROL_VERSION, WORKER_VERSION

# Health, documents and cluster info belong to nobody's version: they are kept with both planes.
PLANES = {"control": CONTROL_VERSION, "worker": WORKER_VERSION}
_WITH_EVERY_PLANE = ("public", "discovery")


def plane_manifest(tree: Tree, plane: str) -> dict[str, Any]:
    """Everything that a plane promises now: its operations, their bodies, and its refusals."""
    if plane not in PLANES:
        raise Defect("blessed.json", f"planes are {', '.join(PLANES)}")
    document = assemble(tree)
    paths: dict[str, Any] = {}
    for path, item in document["paths"].items():
        kept = {
            name: value
            for name, value in item.items()
            if name not in METHODS or value["x-plane"] in (plane, *_WITH_EVERY_PLANE)
        }
        if any(method in kept for method in METHODS):
            paths[path] = kept
    components = _needed(paths, document["components"])
    return {"plane": plane, "paths": paths, "components": components, **_refusals(tree, plane)}


def records(tree: Tree) -> dict[str, dict[str, str]]:
    """The digest of every blessed version, by plane and version."""
    path = tree.manifests / BLESSED_FILE
    recorded: dict[str, dict[str, str]] = read(path) if path.is_file() else {}
    return recorded


def bless(tree: Tree, plane: str) -> str:
    """Freeze the version of a plane that is promised now; its digest."""
    manifest = plane_manifest(tree, plane)
    recorded = {name: dict(versions) for name, versions in records(tree).items()}
    version = PLANES[plane]
    if version in recorded.get(plane, {}):
        raise Defect(BLESSED_FILE, f"{plane} {version} is blessed already")
    frozen = tree.manifests / "blessed" / f"{plane}-{version}.json"
    frozen.parent.mkdir(parents=True, exist_ok=True)
    frozen.write_text(text_of(manifest), encoding="utf-8")
    recorded.setdefault(plane, {})[version] = digest(manifest)
    text = json.dumps(recorded, indent=1, sort_keys=True) + "\n"
    (tree.manifests / BLESSED_FILE).write_text(text, encoding="utf-8")
    return recorded[plane][version]


def broken(tree: Tree) -> Iterator[str]:
    """What is wrong with the blessed versions: tampered files, broken or unrecorded promises."""
    for plane, versions in records(tree).items():
        for version, recorded in versions.items():
            name = f"{plane}-{version}"
            path = tree.manifests / "blessed" / f"{name}.json"
            if not path.is_file() or digest(read(path)) != recorded:
                yield f"the blessed manifest {name} is not the one that was blessed"
            elif PLANES.get(plane) == version:
                changes = compare.diff(read(path), plane_manifest(tree, plane))
                yield from _not_allowed(tree, name, changes)


def _not_allowed(tree: Tree, name: str, changes: list[Change]) -> Iterator[str]:
    log = tree.changelog.read_text(encoding="utf-8") if tree.changelog.is_file() else ""
    for change in changes:
        if change.kind == compare.BREAKING:
            yield f"{name} is blessed: {change.rule} at {change.pointer}: {change.text}"
        elif change.kind == compare.ADDITIVE and f"`{change.pointer}`" not in log:
            yield (
                f"{name} gained {change.rule} at {change.pointer}: "
                f"contracts/CHANGELOG.md does not name `{change.pointer}`"
            )


def _needed(paths: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    needed: dict[str, dict[str, Any]] = {}
    waiting: list[Any] = [paths]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(node)
        if not isinstance(node, dict):
            continue
        waiting.extend(node.values())
        if not isinstance(node.get("$ref"), str):
            continue
        section, name = node["$ref"].split("/")[-2:]
        if name not in needed.setdefault(section, {}):
            needed[section][name] = components[section][name]
            waiting.append(needed[section][name])
    return {section: dict(sorted(held.items())) for section, held in sorted(needed.items())}


def _refusals(tree: Tree, plane: str) -> dict[str, Any]:
    entries = {}
    for reason, entry in load_from(tree).items():
        if plane in entry.planes:
            here = entry.on(plane)
            entries[reason] = {
                "status": here.status,
                "text_key": here.text_key,
                "fields": sorted(here.fields),
                "message": here.message,
            }
    return {"x-refusals": entries}
