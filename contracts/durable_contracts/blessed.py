"""Released versions of a plane: what was promised is frozen, and today's promise must keep it.

A version is a draft until it is blessed; then its manifest is copied to `manifests/blessed/` and
its digest recorded in `manifests/blessed.json`.
"""

import json
from collections.abc import Iterator
from typing import Any

from durable_contracts import compare
from durable_contracts.bundle import PUBLISHED_FILE, assemble
from durable_contracts.compare import Change
from durable_contracts.defect import Defect
from durable_contracts.locate import Tree
from durable_contracts.manifests import BLESSED_FILE, digest, text_of
from durable_contracts.reading import read
from durable_contracts.refusals import promised
from durable_contracts.shape import METHODS
from durable_contracts.versions import CONTROL_VERSION, WORKER_VERSION, accepts_worker

# Health, documents and cluster info belong to nobody's version: they are kept with both planes.
PLANES = {"control": CONTROL_VERSION, "worker": WORKER_VERSION}
_WITH_EVERY_PLANE = ("public", "discovery")
Document = dict[str, Any]


def plane_manifest(tree: Tree, plane: str) -> Document:
    """Everything that the sources promise of a plane: operations, bodies, and refusals."""
    if plane not in PLANES:
        raise Defect(BLESSED_FILE, f"planes are {', '.join(PLANES)}")
    return _part_of(assemble(tree), promised(tree), plane)


def _part_of(document: Document, reasons: Document, plane: str) -> Document:
    paths: Document = {}
    for path, item in document["paths"].items():
        kept = {
            name: value
            for name, value in item.items()
            if name not in METHODS or value["x-plane"] in (plane, *_WITH_EVERY_PLANE)
        }
        if any(method in kept for method in METHODS):
            paths[path] = kept
    components = _needed(paths, document["components"])
    schemes = document["components"].get("securitySchemes", {})
    return {
        "plane": plane,
        "security": document.get("security", []),
        "paths": paths,
        "components": {**components, "securitySchemes": schemes},
        "x-refusals": {
            reason: {plane: planes[plane]} for reason, planes in reasons.items() if plane in planes
        },
    }


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
    for plane, version, frozen in _frozen(tree):
        name = f"{plane}-{version}"
        if isinstance(frozen, str):
            yield frozen
        elif _still_promised(plane, version):
            changes = compare.diff(frozen, plane_manifest(tree, plane))
            yield from _not_allowed(tree, name, changes)


def broken_by_installation(tree: Tree) -> Iterator[str]:
    """What the derived files, which a server runs on, break of the blessed versions."""
    for plane, version, frozen in _frozen(tree):
        if isinstance(frozen, str):
            yield frozen
        elif _still_promised(plane, version):
            now = _part_of(read(tree.manifests / PUBLISHED_FILE), promised(tree), plane)
            if digest(now) != digest(frozen):
                yield from _breaking(f"{plane}-{version}", compare.diff(frozen, now))


def _frozen(tree: Tree) -> Iterator[tuple[str, str, Document | str]]:
    """Every blessed version: its frozen manifest, or what is wrong with it."""
    for plane, versions in records(tree).items():
        for version, recorded in versions.items():
            path = tree.manifests / "blessed" / f"{plane}-{version}.json"
            if path.is_file() and digest(read(path)) == recorded:
                yield plane, version, read(path)
            else:
                text = f"the blessed manifest {plane}-{version} is not the one that was blessed"
                yield plane, version, text


def _still_promised(plane: str, version: str) -> bool:
    # A worker of an older minor is served by a newer one, so what it was promised still holds.
    if plane == "worker":
        return accepts_worker(version)
    return PLANES.get(plane) == version


def _breaking(name: str, changes: list[Change]) -> Iterator[str]:
    for change in changes:
        if change.kind == compare.BREAKING:
            yield f"{name} is blessed: {change.rule} at {change.pointer}: {change.text}"


def _not_allowed(tree: Tree, name: str, changes: list[Change]) -> Iterator[str]:
    yield from _breaking(name, changes)
    log = tree.changelog.read_text(encoding="utf-8") if tree.changelog.is_file() else ""
    for change in changes:
        if change.kind == compare.ADDITIVE and not _logged(change.pointer, log):
            yield (
                f"{name} gained {change.rule} at {change.pointer}: "
                f"contracts/CHANGELOG.md does not name `{change.pointer}`, nor what holds it"
            )


def _logged(pointer: str, log: str) -> bool:
    # A line about a path or a component speaks for everything inside.
    names = pointer.split("/")
    return any(f"`{'/'.join(names[:end])}`" in log for end in range(len(names), 2, -1))


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
