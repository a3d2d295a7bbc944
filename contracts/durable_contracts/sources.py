"""Where a contract that is compared comes from: a directory, a file, a git ref or a server.

Each becomes one document, with `x-refusals` and `x-manifests` beside the paths as far as known.
"""

import io
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from durable_contracts import locate, manifests, refusals
from durable_contracts.bundle import LOWERED_FILE, PUBLISHED_FILE, assemble
from durable_contracts.defect import Defect
from durable_contracts.locate import Tree
from durable_contracts.reading import parse, read

_TIMEOUT_SECONDS = 30
_BYTES_MAX = 64 * 1024 * 1024
_DOCUMENTS = (PUBLISHED_FILE, LOWERED_FILE, manifests.REQUIREMENTS_FILE)
Contract = dict[str, Any]


def contract(named: str) -> Contract:
    """The contract that an argument names: URL, directory, file, or else a git ref."""
    if named.startswith(("http://", "https://")):
        return _of_server(named.rstrip("/"))
    path = Path(named)
    if path.is_dir():
        return of_tree(Tree(path))
    if path.is_file():
        document: Contract = read(path)
        return document
    return _of_ref(named)


def of_tree(tree: Tree) -> Contract:
    """The contract that a directory with `openapi/` and `contracts/` states now."""
    return {
        **assemble(tree),
        "x-refusals": refusals.promised(tree),
        "x-manifests": _summaries(manifests.derive(tree)),
    }


def _summaries(derived: dict[str, Any]) -> dict[str, Any]:
    return {
        name.removesuffix(".json"): value
        for name, value in derived.items()
        if name not in _DOCUMENTS
    }


def _of_ref(ref: str) -> Contract:
    root = locate.tree().root
    packed = subprocess.run(
        ["git", "-C", str(root), "archive", ref, "--", "openapi", "contracts"],
        capture_output=True,
        check=False,
    )
    if packed.returncode != 0:
        raise Defect(ref, "is no directory, no file, no URL and no git ref of this checkout")
    with tempfile.TemporaryDirectory() as directory:
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
            archive.extractall(directory, filter="data")
        tree = Tree(Path(directory))
        # The versions of the planes are code: of an older commit, what it committed is asked.
        committed = {path.name: read(path) for path in sorted(tree.manifests.glob("*.json"))}
        committed.pop(manifests.BLESSED_FILE, None)
        whole = {**assemble(tree), "x-refusals": refusals.promised(tree)}
        return {**whole, "x-manifests": _summaries(committed)}


def _of_server(url: str) -> Contract:
    base = url.removesuffix("/contracts").removesuffix("/openapi.json").removesuffix("/api")
    document: Contract = _fetched(f"{base}/api/openapi.json")
    try:
        listed = _fetched(f"{base}/api/contracts")
    except Defect:
        # A server that only publishes its document is compared by that.
        return document
    stated: Contract = {"x-manifests": {}}
    for entry in listed["documents"]:
        name, kind = entry["name"], entry["kind"]
        if kind == "manifest":
            stated["x-manifests"][name] = _fetched(f"{base}/api/contracts/{name}")
        elif kind == "refusals":
            stated["x-refusals"] = _fetched(f"{base}/api/contracts/{name}")["reasons"]
    return {**document, **stated}


def _fetched(url: str) -> Any:
    request = urllib.request.Request(url, headers={"Accept": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as reply:
            text = reply.read(_BYTES_MAX).decode()
    except (OSError, ValueError, urllib.error.URLError) as error:
        raise Defect(url, f"cannot be read: {error}") from error
    return parse(text, f"{url}.json")
