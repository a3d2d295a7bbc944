"""A SIGTERM lets nobody wait for nothing, and the server is gone in time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serve.parties import QUEUE, Party, parked_poll, register
from tests.support.server_process import ServerProcess

GONE_SECONDS_MAX = 10


@pytest.fixture(params=["uvicorn", "waitress"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerProcess]:
    url = f"sqlite:///{tmp_path / 'db.sqlite'}"
    process = ServerProcess(url, tmp_path / "log", arguments=("--http", request.param))
    yield process.start()
    process.stop()


def end(server: ServerProcess) -> int:
    """Send SIGTERM and give the exit status; fails when the server is not gone in time."""
    assert server.process is not None
    server.process.terminate()
    return server.process.wait(GONE_SECONDS_MAX)


def test_a_parked_poll_is_answered_empty_when_the_server_ends(server: ServerProcess) -> None:
    register(server.url)
    waiting = [parked_poll(server.url) for _ in range(3)]

    status = end(server)

    for poll in waiting:
        code, body = poll.answer()
        assert (code, body["task"], body["poll_status"]) == (200, None, "empty")
    assert status == 0
    assert "Traceback" not in server.log()


def test_a_watched_history_is_answered_when_the_server_ends(server: ServerProcess) -> None:
    party, after = Party(server.url), Party(server.url)
    _, run = party.ask("POST", "/api/workflows", {"workflow_type": "order"})
    history = f"/api/workflows/{run['workflow_id']}/runs/{run['run_id']}/history"
    _, first = party.ask("GET", f"{history}?page_size=1")
    token = first["next_page_token"]
    _, second = party.ask("GET", f"{history}?next_page_token={token}")
    assert second["events"]
    party.send("GET", f"{history}?wait_new_event=1&next_page_token={_after(second)}")
    for _ in range(3):
        after.ask("GET", "/api/namespaces")

    status = end(server)

    code, body = party.answer()
    assert (code, body["events"]) == (200, [])
    assert status == 0


def test_a_query_is_refused_when_the_server_ends(server: ServerProcess) -> None:
    register(server.url)
    party, after = Party(server.url), Party(server.url)
    _, run = party.ask("POST", "/api/workflows", {"workflow_type": "order", "task_queue": "q"})
    party.send("POST", f"/api/workflows/{run['workflow_id']}/query/state", {})
    poll = "/api/worker/query-tasks/poll"
    assert after.ask("POST", poll, {**QUEUE, "timeout_seconds": 20})[1]["task"]

    status = end(server)

    code, body = party.answer()
    assert (code, body["reason"]) == (503, "shutting_down")
    assert status == 0


def _after(page: dict[str, object]) -> str:
    from durable_server.views.events import page_token

    events: list[dict[str, int]] = page["events"]  # type: ignore[assignment]
    token = page_token(events[-1]["sequence"])
    assert token is not None
    return token


def test_a_server_that_nobody_waits_for_ends_at_once(server: ServerProcess) -> None:
    assert end(server) == 0


def test_what_was_acknowledged_before_the_end_is_there_afterwards(server: ServerProcess) -> None:
    party = Party(server.url)
    started = [party.ask("POST", "/api/workflows", {"workflow_type": "order"}) for _ in range(5)]

    assert end(server) == 0
    server.start()

    again = Party(server.url)
    for _, run in started:
        assert again.ask("GET", f"/api/workflows/{run['workflow_id']}")[1]["status"] == "pending"
