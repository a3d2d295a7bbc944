"""A server does not start on a contract that breaks what was blessed, and says what to do."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from durable_contracts import blessed, locate
from durable_contracts.bundle import PUBLISHED_FILE
from durable_contracts.locate import Tree

PROGRAM = "from durable_server.cli import main; main()"


@pytest.fixture
def installed(tmp_path: Path) -> Tree:
    """A copy of the contract and of the code that finds it, with the worker plane blessed."""
    root = locate.tree().root
    for name in ("openapi", "contracts"):
        shutil.copytree(root / name, tmp_path / name)
    tree = Tree(tmp_path)
    if "worker" not in blessed.records(tree):
        blessed.bless(tree, "worker")
    return tree


def _start(tree: Tree, command: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(tree.contracts), *sys.path])
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, command],
        env={**os.environ, "PYTHONPATH": path},
        cwd=tree.root,
        capture_output=True,
        text=True,
        timeout=120,
    )


def _edit_complete(tree: Tree, change: str) -> None:
    path = tree.manifests / PUBLISHED_FILE
    document = json.loads(path.read_text())
    schema = document["components"]["schemas"]["workflow_tasks.complete.request"]
    if change == "tighter":
        schema["required"] = [*schema["required"], "brand_new"]
    else:
        schema["properties"]["brand_new"] = {"type": "string"}
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("command", ["serve", "maintain"])
def test_a_broken_promise_stops_the_start(installed: Tree, command: str) -> None:
    _edit_complete(installed, "tighter")

    done = _start(installed, command)

    assert done.returncode == 3, done.stderr
    assert "it does not start" in done.stderr and "docs/change-the-contract.md" in done.stderr
    place = "/components/schemas/workflow_tasks.complete.request/required"
    assert f"request-required-tightened at {place}: brand_new is required now" in done.stderr


def test_a_blessed_file_that_was_edited_stops_the_start(installed: Tree) -> None:
    (path,) = (installed.manifests / "blessed").glob("worker-*.json")
    path.write_text("{}")

    done = _start(installed, "serve")

    assert done.returncode == 3 and "is not the one that was blessed" in done.stderr


def test_what_is_only_added_does_not_stop_the_start(installed: Tree) -> None:
    assert list(blessed.broken_by_installation(installed)) == []

    _edit_complete(installed, "wider")

    assert list(blessed.broken_by_installation(installed)) == []
