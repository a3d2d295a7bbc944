"""What a server breaks is found, and what passes through the proxy passes as it is."""

import gzip
import json
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from durable_conformance.contract import operations
from durable_conformance.judging import answers
from durable_conformance.library import schema
from durable_conformance.proxy.kept import Budget, Kept
from jsonschema import Draft202012Validator

from tests.conformance.planted import CONTROL, WORKER
from tests.conformance.proxying import PROGRAM, proxying
from tests.conformance.toy_server import HEALTHY, JSON, toy_server
from tests.support.services import free_port

NAMED = JSON
UNNAMED = {"Content-Type": "application/json"}
HEALTH = "GET /api/health"
LISTED = "GET /api/task-queues"
NOT_FOUND = {"reason": "namespace_not_found", "message": "There is no namespace.", "namespace": "n"}
UNKNOWN = "GET /api/workflows/w/runs/r/history"

# What the server answers to what, and what must be said of it.
PLANTED: list[tuple[str, str, tuple[int, dict[str, str], Any], tuple[str, str, str]]] = [
    ("no such status", HEALTH, (418, NAMED, HEALTHY), ("status", "/status", "HT-1")),
    (
        "no request id",
        HEALTH,
        (200, UNNAMED, HEALTHY),
        ("header_missing", "/headers/x-request-id", "HT-21"),
    ),
    (
        "no JSON by its type",
        HEALTH,
        (200, {**NAMED, "Content-Type": "text/html"}, HEALTHY),
        ("content_type", "/headers/content-type", "HT-7"),
    ),
    ("no JSON", HEALTH, (200, NAMED, b"{"), ("no_json", "/body", "HT-8")),
    ("a key twice", HEALTH, (200, NAMED, b'{"a":1,"a":2}'), ("no_json", "/body", "HT-8")),
    (
        "a field is missing",
        HEALTH,
        (200, NAMED, {"status": "serving"}),
        ("field", "/body/timestamp", "HT-1"),
    ),
    (
        "a value is unknown",
        HEALTH,
        (200, NAMED, {**HEALTHY, "status": "fine"}),
        ("field", "/body/status", "HT-1"),
    ),
    (
        "no version",
        LISTED,
        (404, NAMED, NOT_FOUND),
        ("header_missing", "/headers/x-durable-workflow-control-plane-version", "CP-23"),
    ),
    (
        "another version",
        LISTED,
        (404, {**NAMED, "X-Durable-Workflow-Control-Plane-Version": "3"}, NOT_FOUND),
        ("header_invalid", "/headers/x-durable-workflow-control-plane-version", "CP-23"),
    ),
    (
        "a reason with another status",
        LISTED,
        (
            403,
            {**NAMED, **CONTROL},
            {"reason": "unauthorized", "message": "No.", "allowed_roles": []},
        ),
        ("field", "/body/reason", "HT-10"),
    ),
    (
        "no envelope",
        UNKNOWN,
        (404, {**NAMED, **CONTROL}, NOT_FOUND),
        ("field", "/body/control_plane", "CP-24"),
    ),
]


@pytest.fixture(params=PLANTED, ids=[each[0] for each in PLANTED])
def planted(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_a_violation_that_is_planted_in_a_server_is_found_at_its_place(
    planted: Any, tmp_path: Path
) -> None:
    _, call, answer, expected = planted
    method, _, path = call.partition(" ")
    with toy_server({call: answer}) as upstream, proxying(upstream, tmp_path) as proxy:
        httpx.request(method, proxy.url + path, headers=CONTROL)

    found = [line for line in proxy.of(1) if line["side"] == "server"]
    assert expected in [(each["rule"], each["pointer"], each["clause"]) for each in found]
    assert proxy.status == 1


def test_the_report_has_a_published_schema(tmp_path: Path) -> None:
    with (
        toy_server({HEALTH: (200, UNNAMED, HEALTHY)}) as upstream,
        proxying(upstream, tmp_path) as proxy,
    ):
        httpx.get(f"{proxy.url}/api/health")
        httpx.get(f"{proxy.url}/nowhere")

    validator = Draft202012Validator(schema("proxy-line"))
    assert [list(validator.iter_errors(line)) for line in proxy.lines] == [[]] * 4
    assert [line["kind"] for line in proxy.lines] == ["header", "violation", "violation", "footer"]


def test_an_answer_passes_as_it_is(tmp_path: Path) -> None:
    packed = gzip.compress(json.dumps(HEALTHY).encode())
    headers = {**NAMED, "Content-Encoding": "gzip", "X-Own": "kept", "Server": "its own"}
    with (
        toy_server({HEALTH: (200, headers, packed)}) as upstream,
        proxying(upstream, tmp_path) as proxy,
    ):
        with httpx.stream("GET", f"{proxy.url}/api/health") as answer:
            raw = b"".join(answer.iter_raw())
        head = httpx.request("OPTIONS", f"{proxy.url}/api/health", headers={"Origin": "x"})

    assert raw == packed
    assert (answer.headers["x-own"], answer.headers["content-encoding"]) == ("kept", "gzip")
    assert head.status_code == 501
    assert proxy.footer["violations"] == {"client": 1, "server": 0}


def test_what_is_too_large_passes_unjudged(tmp_path: Path) -> None:
    body = json.dumps({"workflow_type": "x", "input": ["y" * 100] * 20_000}).encode()
    pieces = [body[start : start + 1000] for start in range(0, len(body), 1000)]
    answer = (200, {**NAMED, **CONTROL}, b"x" * 3_000_000)
    with (
        toy_server({"POST /api/workflows": answer}) as upstream,
        proxying(upstream, tmp_path, "--judged-bytes-max", "100000") as proxy,
    ):
        headers = {**CONTROL, "Content-Type": "application/json"}
        url = f"{proxy.url}/api/workflows"
        stated = httpx.post(url, content=body, headers=headers)
        chunked = httpx.post(url, content=iter(pieces), headers=headers)

    assert [len(each.content) for each in (stated, chunked)] == [3_000_000] * 2
    assert proxy.footer["not_judged"] == {"size of a request": 2, "size of an answer": 2}


def test_a_client_that_leaves_is_gone_for_the_server_too(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as parked:
        left = threading.Event()

        def wait_for_the_end() -> None:
            connection, _ = parked.accept()
            with connection:
                while connection.recv(65536):
                    pass
                left.set()

        threading.Thread(target=wait_for_the_end, daemon=True).start()
        upstream = f"http://127.0.0.1:{parked.getsockname()[1]}"
        with proxying(upstream, tmp_path) as proxy:
            with pytest.raises(httpx.ReadTimeout):
                httpx.get(f"{proxy.url}/api/health", timeout=1)
            assert left.wait(10)

    assert (proxy.status, proxy.footer["left"]) == (2, 1)


@pytest.mark.parametrize(
    ("call", "headers", "operation"),
    [
        ("POST /api/worker/register", WORKER, "workers.register"),
        ("POST /api/workflows/w/signal/s", CONTROL, "signals.signal"),
        ("GET /api/task-queues", CONTROL, "task_queues.list"),
        ("GET /api/health", {}, "health.health"),
    ],
)
def test_a_server_that_is_down_is_answered_for_in_the_envelope_of_the_plane(
    call: str, headers: dict[str, str], operation: str, tmp_path: Path
) -> None:
    method, _, path = call.partition(" ")
    with proxying(f"http://127.0.0.1:{free_port()}", tmp_path, "--side", "server") as proxy:
        reply = httpx.request(method, proxy.url + path, headers=headers)

    assert (reply.status_code, reply.json()["reason"]) == (502, "upstream_unavailable")
    # The shape is that of the refusal that a server answers when it cannot carry out anything.
    body = {**reply.json(), "reason": "store_busy"}
    judged = operations()[operation]
    broken = list(answers.of_document(judged, 503, body))
    assert [
        each.pointer for each in broken if each.pointer.startswith("/body/control_plane/c")
    ] == []
    assert ("control_plane" in body) is (judged.control_operation is not None)
    assert ("protocol_version" in body) is (judged.plane == "worker")
    assert (proxy.status, proxy.footer["unanswered"]) == (2, 1)


def test_a_proxy_may_end_at_the_first_violation(tmp_path: Path) -> None:
    with toy_server({}) as upstream, proxying(upstream, tmp_path, "--fail-fast") as proxy:
        httpx.get(f"{proxy.url}/api/nowhere")
        proxy.wait()

    assert proxy.status == 1


@pytest.mark.parametrize(("says", "status"), [("pass", 0), ("exit(3)", 2)])
def test_a_command_may_speak_through_the_proxy(says: str, status: int, tmp_path: Path) -> None:
    asks = "import sys, urllib.request as u; u.urlopen(sys.argv[1] + '/api/health').read(); "
    with toy_server({HEALTH: (200, NAMED, HEALTHY)}) as upstream:
        words = ["--", "python3", "-c", asks + says, "{url}"]
        with proxying(upstream, tmp_path, *words) as proxy:
            proxy.wait()

    assert (proxy.status, proxy.footer["exchanges"]) == (status, 1)


def test_a_port_that_is_taken_is_no_verdict(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        words = [str(PROGRAM), "proxy", "--upstream", "http://127.0.0.1:1", "--listen", address]
        done = subprocess.run(words, capture_output=True, text=True)

    assert done.returncode == 2
    assert "durable-conformance: " in done.stderr


def test_a_copy_is_given_up_where_all_together_grow_too_large() -> None:
    budget = Budget(each=10, all=15)
    first, second = Kept(budget), Kept(budget)
    first.add(b"12345678")
    second.add(b"12345678")

    assert (first.content, second.content) == (b"12345678", None)
    first.drop()
    assert budget.taken == 0
