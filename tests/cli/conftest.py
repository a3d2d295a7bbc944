"""A server for each file of tests, and `dw` with it: within this process, or as a program."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from durable_cli.main import build
from typer.testing import CliRunner, Result

from tests.cli.world import World, variables
from tests.support.databases import own_database
from tests.support.server_process import ServerProcess

PROGRAM = Path(sys.executable).parent / "dw"
Dw = Callable[..., "subprocess.CompletedProcess[str]"]
Within = Callable[..., Result]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("dw")
    payloads = folder / "payloads"
    payloads.mkdir()
    settings = {"WORKFLOW_SERVER_PAYLOAD_STORAGE_FOLDER": str(payloads)}
    with own_database("sqlite", folder) as url:
        process = ServerProcess(url, folder / "server.log", settings).start()
        yield process
        process.stop()


@pytest.fixture(scope="module")
def world(server: ServerProcess) -> Iterator[World]:
    found = World(server)
    found.answer_for_ever()
    yield found
    found.close()


@pytest.fixture
def dw(server: ServerProcess, tmp_path: Path) -> Dw:
    """`dw` as a program of its own."""
    environment = {"PATH": os.environ["PATH"], **variables(server, tmp_path)}

    def run(
        *words: str, stdin: str | None = None, **more: str
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [PROGRAM, *words],
            env={**environment, **more},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def within(server: ServerProcess, tmp_path: Path) -> Within:
    """`dw` within this process, which is much faster."""
    app = build()
    runner = CliRunner(env=variables(server, tmp_path))

    def run(*words: str, stdin: str | None = None, **more: str) -> Result:
        return runner.invoke(app, words, input=stdin, env=more, prog_name="dw")

    return run
