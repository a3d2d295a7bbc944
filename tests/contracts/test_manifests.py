"""Derived files: a stale one is found, rebuilt, and a blessed promise is kept."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from durable_contracts import blessed, bundle, locate, manifests
from durable_contracts.cli import application
from durable_contracts.defect import Defect
from durable_contracts.locate import Tree
from typer.testing import CliRunner


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    for name in ("openapi", "contracts"):
        shutil.copytree(
            locate.tree().root / name,
            tmp_path / name,
            ignore=shutil.ignore_patterns("durable_contracts"),
        )
    return Tree(tmp_path)


def _edit_start(tree: Tree, old: str, new: str) -> None:
    path = tree.schemas / "workflows" / "start.request.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_changed_source_makes_its_files_stale_until_they_are_rebuilt(tree: Tree) -> None:
    _edit_start(tree, '"maxLength": 255', '"maxLength": 254')

    stale = {name for name, _ in manifests.stale(tree, manifests.derive(tree))}

    assert stale == {bundle.PUBLISHED_FILE, bundle.LOWERED_FILE}
    assert set(manifests.write(tree)) == stale
    assert list(manifests.stale(tree, manifests.derive(tree))) == []


def test_a_missing_and_a_strange_file_are_stale(tree: Tree) -> None:
    (tree.manifests / "capabilities.json").unlink()
    (tree.manifests / "strange.json").write_text("{}")

    stale = dict(manifests.stale(tree, manifests.derive(tree)))

    assert stale == {"capabilities.json": "is missing", "strange.json": "has no source"}


def test_check_names_the_repairing_command(tree: Tree) -> None:
    (tree.manifests / "capabilities.json").unlink()

    result = CliRunner().invoke(application, ["check", "--root", str(tree.root)])

    assert result.exit_code == 1
    assert manifests.REPAIR in result.output


def test_a_keyword_outside_the_profile_is_refused_with_its_pointer(tree: Tree) -> None:
    _edit_start(tree, '"minLength": 1', '"contains": {}')

    with pytest.raises(Defect) as refused:
        manifests.derive(tree)

    assert refused.value.place.startswith("contracts/schemas/workflows/start.request.json#/")
    assert refused.value.place.endswith("/contains")


def test_a_blessed_plane_refuses_a_tighter_rule_and_wants_additions_recorded(tree: Tree) -> None:
    blessed.bless(tree, "control")
    assert list(blessed.broken(tree)) == []

    _edit_start(tree, '"maxLength": 255', '"maxLength": 254')
    assert any("request-maxLength-tightened" in text for text in blessed.broken(tree))

    _edit_start(tree, '"maxLength": 254', '"maxLength": 256')
    assert all("CHANGELOG.md" in text for text in blessed.broken(tree))
    assert list(blessed.broken(tree)) != []


def test_a_blessed_file_cannot_be_edited(tree: Tree) -> None:
    blessed.bless(tree, "worker")
    path = tree.manifests / "blessed" / f"worker-{blessed.PLANES['worker']}.json"
    path.write_text(path.read_text().replace("worker", "other"))

    assert any("not the one that was blessed" in text for text in blessed.broken(tree))


@pytest.mark.parametrize("name", ["external_task_input_contract", "external_task_result_contract"])
def test_fixtures_carry_the_digest_that_clients_recompute(name: str) -> None:
    for fixture in manifests.load(name)["fixtures"].values():
        compact = json.dumps(fixture["example"], separators=(",", ":")).encode()
        assert fixture["sha256"] == hashlib.sha256(compact).hexdigest()


def test_diff_tells_a_broken_promise_by_its_exit_status(tree: Tree, tmp_path: Path) -> None:
    _edit_start(tree, '"maxLength": 255', '"maxLength": 254')
    here, there = str(locate.tree().root), str(tree.root)

    assert CliRunner().invoke(application, ["diff", here, here]).exit_code == 0
    assert CliRunner().invoke(application, ["diff", here, there]).exit_code == 1
