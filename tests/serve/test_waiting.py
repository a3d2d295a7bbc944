"""Whoever waits for a run is told by this process's commits, and by the passes of another one."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serve.parties import POLL, QUEUE, Party, register
from tests.support.databases import KINDS, own_database
from tests.support.server_process import ServerProcess
from tests.support.services import wait_until


@pytest.fixture(params=["uvicorn", "waitress"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerProcess]:
    url = f"sqlite:///{tmp_path / 'db.sqlite'}"
    process = ServerProcess(url, tmp_path / "log", arguments=("--http", request.param))
    yield process.start()
    process.stop()


def last_page(party: Party, run: dict[str, str]) -> str:
    """The path of the page behind everything that is recorded of a run."""
    from durable_server.views.events import page_token

    path = f"/api/workflows/{run['workflow_id']}/runs/{run['run_id']}/history"
    events = party.ask("GET", path)[1]["events"]
    return f"{path}?wait_new_event=1&next_page_token={page_token(events[-1]['sequence'])}"


def test_a_watched_history_is_answered_by_the_next_event(server: ServerProcess) -> None:
    register(server.url)
    party, watching = Party(server.url), Party(server.url)
    _, run = party.ask("POST", "/api/workflows", {"workflow_type": "order", "task_queue": "q"})
    watching.send("GET", last_page(party, run))
    task = party.ask("POST", POLL, QUEUE)[1]["task"]
    done = {"lease_owner": "w", "workflow_task_attempt": 1}
    path = f"/api/worker/workflow-tasks/{task['task_id']}/complete"
    finish = {**done, "commands": [{"type": "complete_workflow", "result": 1}]}
    assert party.ask("POST", path, finish)[0] == 200

    status, page = watching.answer()

    assert status == 200
    assert [event["event_type"] for event in page["events"]][-1] == "WorkflowCompleted"


def test_a_watched_history_without_events_is_answered_empty(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'db.sqlite'}"
    brief = {"WORKFLOW_SERVER_WORKER_POLL_TIMEOUT": "1"}
    server = ServerProcess(url, tmp_path / "log", brief).start()
    try:
        party = Party(server.url)
        _, run = party.ask("POST", "/api/workflows", {"workflow_type": "order"})
        status, page = party.ask("GET", last_page(party, run))
    finally:
        server.stop()

    assert (status, page["events"], page["next_page_token"]) == (200, [], None)


@pytest.mark.parametrize("kind", KINDS)
def test_the_passes_of_another_process_end_what_is_overdue(kind: str, tmp_path: Path) -> None:
    with own_database(kind, tmp_path) as url:
        apart = {"WORKFLOW_SERVER_MAINTENANCE": "false"}
        server = ServerProcess(url, tmp_path / "log", apart).start()
        party = Party(server.url)
        limited = {"workflow_type": "order", "run_timeout_seconds": 1}
        _, run = party.ask("POST", "/api/workflows", limited)
        program = Path(sys.executable).parent / "durable-server"
        with open(tmp_path / "passes", "wb") as log:
            passes = subprocess.Popen(
                [str(program), "maintain", "--database", url], stdout=log, stderr=log
            )
        try:
            path = f"/api/workflows/{run['workflow_id']}"
            wait_until(lambda: party.ask("GET", path)[1]["status"] == "failed", "it timed out")
            passes.terminate()
            assert passes.wait(10) == 0
        finally:
            passes.kill()
            server.stop()
