"""Every command of `dw` against a real server, in every form of output, by both of its names."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from durable_cli.main import NOUNS, build
from typer.main import get_command

from tests.cli.cases import OTHERS, WORKFLOWS, Case
from tests.cli.conftest import Within
from tests.cli.world import World

CASES = [*WORKFLOWS, *OTHERS]
# Their output is no reply: a bundle, scripts, and a server that takes the place of the program.
ELSEWHERE = {
    "history export": "test_dw.py",
    "completion bash": "test_completion.py",
    "completion zsh": "test_completion.py",
    "completion fish": "test_completion.py",
    "server start-dev": "test_start_dev.py",
}


def commands(hidden: bool = False) -> Iterator[tuple[str, str]]:
    """Every noun and verb of the tree."""
    root: Any = get_command(build())
    for noun in NOUNS:
        for verb, each in root.get_command(None, noun).commands.items():
            if hidden or not each.hidden:
                yield noun, verb


def test_every_command_is_run() -> None:
    run = {case.command for case in CASES} | set(ELSEWHERE)

    assert {f"{noun} {verb}" for noun, verb in commands()} == run


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.command)
def test_a_command_tells_people(case: Case, world: World, within: Within, tmp_path: Path) -> None:
    done = within(*case.command.split(), *case.words(world, tmp_path))

    assert done.exit_code == case.code, done.output
    assert case.shows in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("form", ["json", "jsonl", "yaml"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.command)
def test_a_command_tells_programs(
    case: Case, form: str, world: World, within: Within, tmp_path: Path
) -> None:
    words = case.words(world, tmp_path)

    done = within(case.command.replace(" ", ":"), *words, "--output", form)

    assert done.exit_code == case.code, done.output
    assert done.stderr == ""
    told = _read(done.stdout, form)
    assert told
    if form == "jsonl" and case.member in LISTED:
        assert isinstance(told[0], dict)
    elif case.member:
        assert case.member in told if form != "jsonl" else case.member in told[0]


# Lists of which JSON lines has one item a line.
LISTED = (
    *("workflows", "runs", "events", "schedules", "results", "fire_times", "task_queues"),
    *("build_ids", "workers", "bulk_operations", "namespaces", "profiles", "documents"),
)


def _read(text: str, form: str) -> Any:
    if form == "yaml":
        return yaml.safe_load(text)
    return json.loads(text) if form == "json" else [json.loads(each) for each in text.splitlines()]


@pytest.mark.parametrize("words", [*commands(hidden=True)], ids=" ".join)
def test_a_command_explains_itself(words: tuple[str, str], within: Within) -> None:
    done = within(*words, "--help")

    assert done.exit_code == 0
    assert f"dw {' '.join(words)}" in done.stdout
