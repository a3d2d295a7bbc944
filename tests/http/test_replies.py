"""What every reply carries, whatever it says: names, headers, compression, addresses."""

import gzip
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from durable_contracts import versions
from durable_server import app
from durable_server.http import asgi
from durable_server.http.compile import Router, find_handler
from durable_server.http.edge import Edge

from tests.http.asking import CONTROL, WORKER, Asker, asking
from tests.http.promises import OPERATIONS, broken, check_envelope


@pytest.fixture(scope="module")
def asker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    with asking("sqlite", tmp_path_factory.mktemp("replies")) as started:
        yield started


PUBLIC = ("/api/health", "/api/ready", "/api/openapi.json", "/api/openapi.yaml", "/api/docs")


@pytest.mark.parametrize("path", PUBLIC)
def test_public_replies_name_no_version(asker: Asker, path: str) -> None:
    answer = asker.ask("GET", path, headers={CONTROL: "9", WORKER: "9"})

    assert answer.status == 200
    assert CONTROL.lower() not in answer.headers
    assert WORKER.lower() not in answer.headers


def test_discovery_names_the_control_version_only_when_it_refuses(tmp_path: Path) -> None:
    with asking("sqlite", tmp_path, auth_driver="token", admin_token="secret") as closed:
        refused = closed.ask("GET", "/api/cluster/info")
        told = closed.ask("GET", "/api/cluster/info", headers={"Authorization": "Bearer secret"})

    assert (refused.status, refused.headers[CONTROL.lower()]) == (401, "2")
    assert told.status == 200
    assert CONTROL.lower() not in told.headers
    assert broken(OPERATIONS["cluster.info"], told) == []


@pytest.mark.parametrize("name", ["workflows.list", "namespaces.list", "workers.register"])
def test_an_answer_carries_what_its_plane_adds(asker: Asker, name: str) -> None:
    operation = OPERATIONS[name]
    body = None
    if operation.request_schema is not None:
        body = {"worker_id": "w", "task_queue": "q", "runtime": "python"}
    answer = asker.ask(operation.method, operation.path, body)

    assert answer.status in (200, 201)
    check_envelope(operation, answer)
    assert broken(operation, answer) == []


@pytest.mark.parametrize(
    ("path", "plane"),
    [("/api/nothing", "control"), ("/api/worker/nothing", "worker"), ("/nothing", "public")],
)
def test_a_path_that_leads_nowhere_is_refused_on_its_plane(
    asker: Asker, path: str, plane: str
) -> None:
    answer = asker.ask("GET", path)

    assert (answer.status, answer.body["reason"]) == (404, "not_found")
    assert path.strip("/") in answer.body["message"]
    assert (CONTROL.lower() in answer.headers) == (plane == "control")
    assert (WORKER.lower() in answer.headers) == (plane == "worker")
    assert ("server_capabilities" in answer.body) == (plane == "worker")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/workflows", "GET, HEAD, POST"),
        ("PATCH", "/api/worker/register", "POST"),
        ("POST", "/api/health", "GET, HEAD"),
        ("OPTIONS", "/api/namespaces", "GET, HEAD, POST"),
        ("BREW", "/api/workflows/x", "GET, HEAD"),
    ],
)
def test_a_method_that_is_not_there_is_told_which_are(
    asker: Asker, method: str, path: str, allowed: str
) -> None:
    answer = asker.ask(method, path)

    assert (answer.status, answer.body["reason"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == allowed
    assert allowed in answer.body["message"]


def test_head_is_get_without_the_body(asker: Asker) -> None:
    for path in ("/api/namespaces", "/api/workflows", "/api/workflows/none", "/api/openapi.json"):
        whole, head = asker.ask("GET", path), asker.ask("HEAD", path)

        assert (head.status, head.raw) == (whole.status, b"")
        assert head.headers["content-length"] == whole.headers["content-length"]
        assert head.headers["content-type"] == whole.headers["content-type"]


@pytest.mark.parametrize("path", ["/api/workflows", "/api/health", "/api/namespaces/default"])
def test_a_slash_at_the_end_changes_nothing(asker: Asker, path: str) -> None:
    with_slash, without = asker.ask("GET", f"{path}/"), asker.ask("GET", path)

    assert with_slash.status == without.status == 200
    assert with_slash.body.keys() == without.body.keys()


def test_slashes_in_the_middle_are_not_dropped(asker: Asker) -> None:
    assert asker.ask("GET", "/api//workflows").status == 404
    assert asker.ask("GET", "//api/workflows").status == 404


def test_an_encoded_slash_is_part_of_an_id(asker: Asker) -> None:
    answer = asker.ask("GET", "/api/workflows/a%2Fb%20c%25")

    assert (answer.status, answer.body["workflow_id"]) == (404, "a/b c%")


@pytest.mark.parametrize("version", versions.ADDRESSED_VERSIONS)
def test_the_whole_api_stands_under_every_addressed_version(asker: Asker, version: str) -> None:
    info = asker.ask("GET", f"/protocol/{version}/api/cluster/info")
    assert info.body["worker_protocol"]["version"] == version

    for operation in OPERATIONS.values():
        path = operation.path.replace("{", "").replace("}", "")
        answer = asker.ask(operation.method, f"/protocol/{version}{path}")
        plain = asker.ask(operation.method, path)
        assert answer.status in (plain.status, 200), path


@pytest.mark.parametrize("version", ["1.2", "2.0", "", "1.20.0", "..", "%00"])
def test_other_versions_have_no_address(asker: Asker, version: str) -> None:
    assert asker.ask("GET", f"/protocol/{version}/api/health").status == 404


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.13", "1.20", " 1.8 "])
def test_a_worker_reply_echoes_the_version_that_was_asked_for(asker: Asker, version: str) -> None:
    heartbeat = OPERATIONS["workers.heartbeat"]
    answer = asker.ask("POST", heartbeat.path, {"worker_id": "no"}, {WORKER: version})

    assert answer.status == 404
    check_envelope(heartbeat, answer, version.strip())


@pytest.mark.parametrize("version", ["0.9", "2.0", "1.21", "1", "1.0.0", "1.01", "x", "1.-1"])
def test_another_worker_version_is_refused_in_the_newest(asker: Asker, version: str) -> None:
    heartbeat = OPERATIONS["workers.heartbeat"]
    answer = asker.ask("POST", heartbeat.path, {"worker_id": "no"}, {WORKER: version})

    assert (answer.status, answer.body["reason"]) == (400, "unsupported_protocol_version")
    assert answer.body["requested_version"] == version
    check_envelope(heartbeat, answer)
    assert broken(heartbeat, answer) == []


@pytest.mark.parametrize(
    ("path", "version", "status"),
    [
        ("/api/workflows", None, 400),
        ("/api/workflows", " ", 400),
        ("/api/workflows", "1", 400),
        ("/api/workflows", " 2 ", 200),
        ("/api/namespaces", None, 200),
        ("/api/namespaces", "1", 400),
        ("/api/cluster/info", "1", 200),
        ("/api/health", "1", 200),
    ],
)
def test_the_control_version_is_asked_for_where_it_is_due(
    asker: Asker, path: str, version: str | None, status: int
) -> None:
    headers: dict[str, Any] = {CONTROL: version}
    assert asker.ask("GET", path, headers=headers).status == status


def test_a_request_is_known_by_the_name_it_came_with(asker: Asker) -> None:
    for path in ("/api/health", "/api/nothing", "/api/workflows/none"):
        answer = asker.ask("GET", path, headers={"X-Request-Id": "mine-1.2:3_4"})
        assert answer.headers["x-request-id"] == "mine-1.2:3_4"


@pytest.mark.parametrize("name", [None, "", "a b", "x" * 256, "\xe9", '"quoted"'])
def test_a_request_without_a_usable_name_is_given_one(asker: Asker, name: str | None) -> None:
    headers: dict[str, Any] = {"X-Request-Id": name}
    first = asker.ask("GET", "/api/health", headers=headers).headers["x-request-id"]
    second = asker.ask("GET", "/api/health", headers=headers).headers["x-request-id"]

    assert first and second and len({first, second, name}) == 3


def test_a_preflight_is_answered_before_anything_else(tmp_path: Path) -> None:
    asked = {
        "Origin": "https://example.org",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-namespace, authorization",
    }
    with asking("sqlite", tmp_path, auth_driver="token", admin_token="secret") as closed:
        for path in ("/api/workflows", "/api/nothing"):
            answer = closed.ask("OPTIONS", path, headers=asked)

            assert (answer.status, answer.raw) == (204, b"")
            assert answer.headers["access-control-allow-methods"] == "POST"
            assert answer.headers["access-control-allow-headers"] == "x-namespace, authorization"
            assert answer.headers["vary"].startswith("Access-Control-Request-Method")


def test_every_reply_may_be_read_from_everywhere(asker: Asker) -> None:
    for path in ("/api/health", "/api/nothing", "/api/workflows"):
        answer = asker.ask("GET", path)
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cache-control"] == "no-cache, private"


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        (None, None),
        ("", None),
        ("identity", None),
        ("br", None),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("deflate", "deflate"),
        ("gzip, deflate, br", "gzip"),
        ("gzip;q=0.5, deflate", "deflate"),
        ("gzip;q=0.5, deflate;q=0.5", "gzip"),
        ("gzip;q=0", None),
        ("gzip;q=0, *", "deflate"),
        ("*", "gzip"),
        ("*;q=0", None),
        ("gzip;q=high", None),
        ("gzip; q=0.1", "gzip"),
    ],
)
def test_a_large_reply_is_compressed_as_asked(
    asker: Asker, accepted: str | None, encoding: str | None
) -> None:
    headers: dict[str, Any] = {"Accept-Encoding": accepted}
    answer = asker.ask("GET", "/api/cluster/info", headers=headers)

    assert answer.headers.get("content-encoding") == encoding
    assert ("vary" in answer.headers) == (encoding is not None)
    assert answer.headers["content-length"] == str(len(answer.raw))
    assert answer.body["default_namespace"] == "default"


def test_a_small_reply_is_not_compressed(asker: Asker) -> None:
    answer = asker.ask("GET", "/api/health", headers={"Accept-Encoding": "gzip"})

    assert "content-encoding" not in answer.headers


def test_a_refusal_is_compressed_too(asker: Asker) -> None:
    answer = asker.ask("POST", "/api/worker/register", {}, {"Accept-Encoding": "gzip"})

    assert (answer.status, answer.headers["content-encoding"]) == (422, "gzip")
    assert gzip.decompress(answer.raw)


def test_compression_can_be_turned_off(tmp_path: Path) -> None:
    with asking("sqlite", tmp_path, compression_enabled=False) as plain:
        answer = plain.ask("GET", "/api/cluster/info", headers={"Accept-Encoding": "gzip"})

    assert "content-encoding" not in answer.headers
    assert answer.body["capabilities"]["response_compression"] == []


@pytest.mark.parametrize("name", ["workflows.list", "workers.heartbeat", "health.health"])
def test_a_bug_is_told_by_its_request_id_alone(
    asker: Asker, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def failing(call: Any, **arguments: Any) -> Any:
        raise ZeroDivisionError("the secret cause")

    router = Router(lambda found: failing if found == name else find_handler(found))
    edge = Edge(asker.server, app.driver_of(asker.server.settings), router)
    broken_asker = Asker(asker.server, asgi.application(edge), asker.headers, asker.runner)
    operation = OPERATIONS[name]
    body = {"worker_id": "w"} if operation.method == "POST" else None
    with caplog.at_level(logging.ERROR):
        answer = broken_asker.ask(operation.method, operation.path, body, {"X-Request-Id": "r-1"})

    assert (answer.status, answer.body["reason"]) == (500, "server_error")
    assert answer.body["request_id"] == answer.headers["x-request-id"] == "r-1"
    assert "secret cause" not in answer.raw.decode() and "Zero" not in answer.raw.decode()
    assert broken(operation, answer) == []
    assert any(getattr(record, "request_id", "") == "r-1" for record in caplog.records)


def test_the_published_document_needs_nothing_from_elsewhere(asker: Asker) -> None:
    document = asker.ask("GET", "/api/openapi.json").body
    page = asker.ask("GET", "/api/docs")

    assert document["openapi"].startswith("3.1")
    assert "http://" not in page.raw.decode() and "https://" not in page.raw.decode()
    for name in ("swagger-ui.css", "swagger-ui-bundle.js"):
        assert f"docs/assets/{name}" in page.raw.decode()
        assert asker.ask("GET", f"/api/docs/assets/{name}").status == 200
    assert asker.ask("GET", "/api/docs/assets/..%2F..%2Fconfig.py").status == 404
    assert json.dumps(document)
