"""Shells complete nouns, verbs, options and values; progress is drawn for whoever looks."""

import os
import pty
import select
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import PROGRAM, Dw, Within
from tests.cli.world import World
from tests.support.server_process import TOKEN

SECONDS_MAX = 30


def completed(dw: Dw, *words: str) -> list[str]:
    """What bash is told to offer for the last word."""
    given = {"COMP_WORDS": " ".join(["dw", *words]), "COMP_CWORD": str(len(words))}
    done = dw(_DW_COMPLETE="complete_bash", **given)
    return done.stdout.split()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_script(within: Within, shell: str) -> None:
    done = within("completion", shell)

    assert done.exit_code == 0
    assert "_DW_COMPLETE" in done.stdout
    checker = shutil.which(shell)
    if checker is not None:
        assert subprocess.run([checker, "-n"], input=done.stdout, text=True).returncode == 0


def test_bash_has_the_completion_once_it_has_read_the_script(dw: Dw) -> None:
    asked = f'PATH="{PROGRAM.parent}:$PATH"; eval "$(dw completion bash)"; complete -p dw'
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith(" dw")


def test_words_are_completed(dw: Dw, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("profiles: {prod: {}, play: {}, test: {}}")

    assert completed(dw, "task") == ["task-queue"]
    assert completed(dw, "workflow", "de") == ["describe", "debug"]
    assert completed(dw, "workflow", "list", "--stat") == ["--status"]
    assert completed(dw, "workflow", "list", "--status", "comp") == ["completed"]
    assert completed(dw, "workflow", "list", "--output", "js") == ["json", "jsonl"]
    assert sorted(completed(dw, "profile", "use", "p")) == ["play", "prod"]
    assert completed(dw, "search-attribute", "create", "a", "key") == ["keyword", "keyword_list"]


def drawn(world: World, home: Path, *words: str) -> str:
    """What a person sees on standard error, at a terminal, while a command works."""
    looked, shown = pty.openpty()
    variables = {"DW_CONFIG_HOME": str(home), "TERM": "xterm", "PATH": os.environ["PATH"]}
    running = subprocess.Popen(
        [PROGRAM, *words, "--server", world.server.url],
        stdout=subprocess.PIPE,
        stderr=shown,
        env={**variables, "DURABLE_WORKFLOW_AUTH_TOKEN": TOKEN},
    )
    os.close(shown)
    seen = b""
    while select.select([looked], [], [], SECONDS_MAX)[0]:
        try:
            seen += os.read(looked, 4096)
        except OSError:
            break
    os.close(looked)
    running.wait(SECONDS_MAX)
    return seen.decode()


def test_progress_is_drawn_at_a_terminal_and_nowhere_else(
    world: World, dw: Dw, tmp_path: Path
) -> None:
    named = world.open()["workflow_id"]
    words = ("workflow", "wait", named, "--wait-timeout", "1")

    seen = drawn(world, tmp_path, *words)
    piped = dw(*words)

    assert f"Waiting for {named}" in seen
    assert "\x1b[" in seen
    assert piped.stderr.startswith("error:")
    assert "Waiting for" not in piped.stderr
    assert "\x1b" not in drawn(world, tmp_path, *words, "--json")
