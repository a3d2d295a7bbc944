"""Several processes behind one port are one server."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serve.parties import POLL, QUEUE, Party, register
from tests.support.databases import own_database
from tests.support.server_process import ServerProcess
from tests.support.services import wait_until


@pytest.fixture(params=["uvicorn", "waitress"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerProcess]:
    with own_database("postgresql", tmp_path) as url:
        process = ServerProcess(
            url,
            tmp_path / "log",
            {"WORKFLOW_SERVER_ID": "node"},
            arguments=("--http", request.param, "--processes", "2"),
        )
        yield process.start()
        process.stop()


@pytest.fixture
def on_a_file(tmp_path: Path) -> Iterator[ServerProcess]:
    url = f"sqlite:///{tmp_path / 'db.sqlite'}"
    # Without wakes a queue known to be empty would not be looked at before the poll ends.
    settings = {"WORKFLOW_SERVER_ID": "node", "WORKFLOW_SERVER_WORKER_POLL_INTERVAL_MS": "600000"}
    process = ServerProcess(url, tmp_path / "log", settings, arguments=("--processes", "2"))
    yield process.start()
    process.stop()


def parties(server: ServerProcess) -> dict[str, Party]:
    """A connection to each process, by the process's name."""
    found: dict[str, Party] = {}

    def has_both() -> bool:
        party = Party(server.url)
        name = party.ask("GET", "/api/cluster/info")[1]["server_id"]
        if name in found:
            party.close()
        found.setdefault(name, party)
        return len(found) == 2

    wait_until(has_both, "both processes take connections")
    return found


def workers_of(server: ServerProcess) -> set[int]:
    """The processes that serve, by their ids."""
    assert server.process is not None
    listed = subprocess.run(
        ["ps", "-eww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    parent = str(server.process.pid)
    return {int(pid) for pid, above, command in rows if above == parent and "spawn_main" in command}


def test_a_start_in_one_process_wakes_a_poll_in_the_other(server: ServerProcess) -> None:
    register(server.url)
    first, second = parties(server).values()
    first.send("POST", POLL, QUEUE)

    _, run = second.ask("POST", "/api/workflows", {"workflow_type": "order", "task_queue": "q"})
    status, body = first.answer()

    assert (status, body["task"]["run_id"]) == (200, run["run_id"])


def test_processes_on_one_file_see_what_the_other_wrote(on_a_file: ServerProcess) -> None:
    register(on_a_file.url)
    first, second = parties(on_a_file).values()
    first.send("POST", POLL, QUEUE)

    _, run = second.ask("POST", "/api/workflows", {"workflow_type": "order", "task_queue": "q"})

    assert first.answer()[1]["task"]["run_id"] == run["run_id"]


def test_every_process_has_a_name_of_its_own(server: ServerProcess) -> None:
    assert set(parties(server)) == {"node-1", "node-2"}


def test_a_process_that_dies_is_replaced(server: ServerProcess) -> None:
    before = workers_of(server)
    assert len(before) == 2
    victim = min(before)

    os.kill(victim, signal.SIGKILL)

    wait_until(lambda: len(workers_of(server) - {victim}) == 2, "the process is replaced")
    assert "ended by itself" in server.log()
    assert len(parties(server)) == 2


def test_the_end_of_the_server_is_the_end_of_every_process(server: ServerProcess) -> None:
    before = workers_of(server)

    assert server.stop() == 0
    assert before
    assert not [pid for pid in before if _lives(pid)]


def test_processes_whose_server_is_killed_end_by_themselves(server: ServerProcess) -> None:
    before = workers_of(server)

    server.kill()

    wait_until(lambda: not [pid for pid in before if _lives(pid)], "no process is left")
    assert len(before) == 2


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
