"""What Waitress does by itself and may not: refuse in its own words, hold every thread."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serve.parties import HEADERS, POLL, QUEUE, Party, parked_poll, register
from tests.support.server_process import ServerProcess
from tests.support.services import wait_until

LIMIT = 2000
START = "/api/workflows"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    settings = {
        "WORKFLOW_MAX_PAYLOAD_BYTES": str(LIMIT),
        "WORKFLOW_SERVER_POLL_SLOTS": "2",
    }
    url = f"sqlite:///{tmp_path / 'db.sqlite'}"
    process = ServerProcess(url, tmp_path / "log", settings, arguments=("--http", "waitress"))
    yield process.start()
    process.stop()


def raw(server: ServerProcess, head: str, *parts: bytes) -> tuple[str, dict[str, str], Any]:
    """Status line, headers and body of the answer to bytes as they are."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        lines = [
            head,
            "Host: x",
            "Connection: close",
            *(f"{name}: {value}" for name, value in HEADERS.items()),
        ]
        connection.sendall("\r\n".join(lines).encode() + b"\r\n")
        for part in parts:
            connection.sendall(part)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    top, _, body = received.partition(b"\r\n\r\n")
    status, *fields = top.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (f.split(": ", 1) for f in fields)}
    return status, headers, json.loads(body)


def test_a_body_that_is_declared_too_large_is_refused_in_the_planes_words(
    server: ServerProcess,
) -> None:
    status, headers, body = raw(
        server, f"POST {START} HTTP/1.1", f"Content-Length: {LIMIT + 1}\r\n\r\n".encode()
    )

    assert status.startswith("HTTP/1.1 413 ")
    assert headers["x-durable-workflow-control-plane-version"] == "2"
    assert (body["reason"], body["limit"]) == ("payload_too_large", LIMIT)
    assert body["control_plane"]["operation"] == "start"


def test_a_chunked_body_that_grows_too_large_is_refused_in_the_planes_words(
    server: ServerProcess,
) -> None:
    chunk = b"400\r\n" + b" " * 1024 + b"\r\n"
    status, headers, body = raw(
        server, f"POST {POLL} HTTP/1.1", b"Transfer-Encoding: chunked\r\n\r\n", chunk * 3
    )

    assert status.startswith("HTTP/1.1 413 ")
    assert headers["x-durable-workflow-protocol-version"] == "1.0"
    assert (body["reason"], body["protocol_version"]) == ("payload_too_large", "1.0")


def test_a_path_that_leads_nowhere_is_said_before_the_size(server: ServerProcess) -> None:
    status, _, body = raw(
        server, "POST /api/nowhere HTTP/1.1", f"Content-Length: {LIMIT * 2}\r\n\r\n".encode()
    )

    assert (status.split()[1], body["reason"]) == ("404", "not_found")


def test_a_body_of_exactly_the_limit_is_read(server: ServerProcess) -> None:
    text = json.dumps({"workflow_type": "order"}).ljust(LIMIT).encode()
    status, _, body = raw(
        server, f"POST {START} HTTP/1.1", f"Content-Length: {LIMIT}\r\n\r\n".encode(), text
    )

    assert (status.split()[1], body["outcome"]) == ("201", "started_new")


def test_a_chunked_body_is_read(server: ServerProcess) -> None:
    text = json.dumps({"workflow_type": "order"}).encode()
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(text), text)
    status, _, body = raw(
        server, f"POST {START} HTTP/1.1", b"Transfer-Encoding: chunked\r\n\r\n", chunks
    )

    assert (status.split()[1], body["outcome"]) == ("201", "started_new")


def test_a_poll_beyond_the_slots_is_answered_at_once_and_others_go_on(
    server: ServerProcess,
) -> None:
    register(server.url)
    waiting = [parked_poll(server.url) for _ in range(2)]
    party = Party(server.url)

    status, body = party.ask("POST", POLL, QUEUE)
    assert (status, body["task"], body["poll_status"]) == (200, None, "empty")
    for _ in range(2):
        assert party.ask("POST", START, {"workflow_type": "o", "task_queue": "q"})[0] == 201

    tasks = [poll.answer()[1]["task"]["task_id"] for poll in waiting]
    assert len(set(tasks)) == 2


def test_a_query_beyond_the_slots_is_refused_at_once(server: ServerProcess) -> None:
    register(server.url)
    waiting = [parked_poll(server.url) for _ in range(2)]
    party = Party(server.url)

    status, body = party.ask("POST", f"{START}/anything/query/state", {})

    assert (status, body["reason"]) == (429, "too_many_polls")
    waiting.pop().close()

    def is_looked_up() -> bool:
        return party.ask("POST", f"{START}/anything/query/state", {})[0] == 404

    wait_until(is_looked_up, "a slot is free again")


def test_a_poll_beyond_the_slots_still_needs_a_credential(server: ServerProcess) -> None:
    register(server.url)
    waiting = [parked_poll(server.url) for _ in range(2)]
    party = Party(server.url)
    party._connection.request(
        "POST", POLL, json.dumps(QUEUE), {"Content-Type": HEADERS["Content-Type"]}
    )

    assert party.answer()[0] == 401
    assert len(waiting) == 2


def test_the_slots_of_polls_whose_clients_left_are_free_again(server: ServerProcess) -> None:
    register(server.url)
    for poll in [parked_poll(server.url) for _ in range(2)]:
        poll.close()

    # Beyond the slots a poll is answered at once, within them it waits for a task.
    def is_held() -> bool:
        poll = parked_poll(server.url)
        held = not poll.is_answered()
        poll.close()
        return held

    wait_until(is_held, "a poll holds a slot")
