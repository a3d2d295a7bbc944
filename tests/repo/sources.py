"""The sources of the repository, as paths and as parsed modules."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "durable_server": ROOT / "server",
    "durable_contracts": ROOT / "contracts",
    "durable_conformance": ROOT / "conformance",
    "durable_cli": ROOT / "cli",
}


@cache
def modules(*packages: str) -> dict[str, ast.Module]:
    """The parsed modules of these packages, by their full names."""
    found = {}
    for package in packages or PACKAGES:
        root = PACKAGES[package]
        for path in sorted((root / package).rglob("*.py")):
            if "_shipped" in path.parts:
                continue
            name = ".".join(path.relative_to(root).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = ast.parse(path.read_text())
    return found


def imports(tree: ast.Module, known: set[str]) -> Iterator[str]:
    """The full names of the modules that a module imports, wherever in it the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for each in node.names:
                deeper = f"{node.module}.{each.name}"
                yield deeper if deeper in known else node.module


def tracked() -> list[Path]:
    """Every text file that the repository keeps or is about to keep."""
    listed = subprocess.check_output(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True
    )
    paths = [ROOT / line for line in listed.splitlines()]
    return [path for path in paths if path.is_file()]


def inside(name: str, place: str) -> bool:
    """Whether a module is this place, or lies in it."""
    return name == place or name.startswith(f"{place}.")
