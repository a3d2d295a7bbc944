"""Versions are accepted and echoed by rule; the catalogue refuses what it cannot mean."""

from pathlib import Path

import pytest
from durable_contracts import refusals, versions
from durable_contracts.defect import Defect
from durable_contracts.locate import Tree


@pytest.mark.parametrize("text", ["1.0", "1.1", "1.13", "1.20", " 1.20 "])
def test_an_older_minor_of_our_major_is_accepted_and_echoed(text: str) -> None:
    assert versions.accepts_worker(text)
    assert versions.echoed_worker(text) == text.strip()


@pytest.mark.parametrize("text", ["1.21", "2.0", "1", "1.2.0", "01.2", "1.02", "", "x"])
def test_any_other_version_is_refused_in_ours(text: str) -> None:
    assert not versions.accepts_worker(text)
    assert versions.echoed_worker(text) == versions.WORKER_VERSION


@pytest.mark.parametrize(
    "entry",
    [
        "a: {planes: [control], status: 503, message: m, remedy: r}",
        "a: {planes: [nowhere], status: 400, message: m, remedy: r}",
        "a: {planes: [control], status: 200, message: m, remedy: r}",
        "a: {planes: [control], status: 400, message: m}",
        "A: {planes: [control], status: 400, message: m, remedy: r}",
        "a: {planes: [control], status: 400, message: m, remedy: r, other: 1}",
    ],
)
def test_an_entry_that_means_nothing_is_refused(entry: str, tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.contracts.mkdir()
    tree.refusals.write_text(entry)

    with pytest.raises(Defect):
        refusals.load_from(tree)


def test_a_plane_may_tell_the_reason_in_its_own_words(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.contracts.mkdir()
    tree.refusals.write_text(
        "a.b: {planes: [control, worker], status: 400, message: 'm {x}', remedy: r,"
        " worker: {text_key: error}}"
    )

    entry = refusals.load_from(tree)["a.b"]

    assert entry.sent_reason == "a" and entry.facts == {"x"}
    assert entry.on("worker").text_key == "error" and entry.on("control").text_key == "message"
