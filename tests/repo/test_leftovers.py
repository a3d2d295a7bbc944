"""Nothing unfinished, nothing of another machine, and nothing stale is kept."""

import re
import subprocess
import sys

import pytest

from tests.repo.sources import ROOT, tracked

TEXTS = [path for path in tracked() if path.suffix not in {".png", ".ico", ".gz"}]
LEFTOVER = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b(?!\(#?\d+\))")
MACHINE = re.compile(r"(?:/home/\w|/Users/\w|/root/|/work/|[A-Z]:\\\\Users)")
MERGE = re.compile(r"^(?:<<<<<<< |>>>>>>> )", flags=re.MULTILINE)


def found(pattern: re.Pattern[str]) -> list[str]:
    hits = []
    for path in TEXTS:
        # This file names what it looks for.
        if path.name == "test_leftovers.py":
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if pattern.search(line):
                hits.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    return hits


def test_what_is_left_to_do_has_a_number() -> None:
    assert found(LEFTOVER) == []


def test_no_path_of_somebodys_machine_is_kept() -> None:
    assert found(MACHINE) == []


def test_no_merge_is_half_done() -> None:
    assert found(MERGE) == []


@pytest.mark.parametrize("tool", ["documents.py"])
def test_derived_documents_are_fresh(tool: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / tool, "--check"], capture_output=True, text=True
    )

    assert done.stdout == "the documents are fresh\n", done.stderr


def test_the_contract_is_whole() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "durable_contracts", "check"], capture_output=True, text=True
    )

    assert done.stdout == "the contract is whole\n"
