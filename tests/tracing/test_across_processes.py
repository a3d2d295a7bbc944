"""One trace from a client through a real server to a worker, each a process, in a collector."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.databases import own_database
from tests.support.server_process import TOKEN, ServerProcess
from tests.support.services import free_port
from tests.tracing.collector import Collector, collecting

PROGRAM = Path(__file__).with_name("worker.py")


def run(role: str, server: ServerProcess, collector: Collector) -> None:
    command = [sys.executable, str(PROGRAM), role, server.url, TOKEN, collector.endpoint]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("arguments", [("--http", "uvicorn"), ("--http", "waitress")])
def test_client_server_and_worker_are_one_trace(tmp_path: Path, arguments: tuple[str, str]) -> None:
    with collecting() as collector, own_database("sqlite", tmp_path) as url:
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
            "OTEL_SERVICE_NAME": "orders-server",
        }
        server = ServerProcess(url, tmp_path / "log", settings, arguments).start()
        try:
            run("start", server, collector)
            run("work", server, collector)
        finally:
            # What is not sent yet is sent now.
            assert server.stop() == 0

    (client,) = collector.spans("checkout")
    (request,) = collector.spans("workflows.start")
    tasks = [*collector.spans("workflow task"), *collector.spans("activity task")]
    batch = next(
        each for each in collector.spans("lane.batch") if each.parent_id == request.span_id
    )
    assert request.parent_id == client.span_id
    assert [each.parent_id for each in tasks] == [request.span_id] * 2
    assert {each.trace_id for each in (request, batch, *tasks)} == {client.trace_id}
    assert [client.service, request.service, tasks[0].service] == [
        "test-start",
        "orders-server",
        "test-work",
    ]
    assert collector.paths == {"/v1/traces"}


def test_a_collector_that_is_away_harms_nobody(tmp_path: Path) -> None:
    away = f"http://127.0.0.1:{free_port()}/v1/traces"
    with own_database("sqlite", tmp_path) as url:
        settings = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": away}
        server = ServerProcess(url, tmp_path / "log", settings).start()
        with server.client() as client:
            body = {"workflow_type": "order", "task_queue": "q"}
            assert client.post("/workflows", json=body).status_code == 201
        assert server.stop() == 0
    assert "traces are sent" in server.log()


def test_without_the_extra_the_server_says_so_and_serves(tmp_path: Path) -> None:
    # A module of this name comes before the library, and is none.
    (tmp_path / "opentelemetry.py").write_text("raise ImportError('not installed')\n")
    with own_database("sqlite", tmp_path) as url:
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
            "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
        }
        server = ServerProcess(url, tmp_path / "log", settings).start()
        server.stop()
    assert "install durable-workflow-server[otel]" in server.log()


@pytest.mark.parametrize("settings", [{}, {"OTEL_SDK_DISABLED": "true"}])
def test_where_nobody_wants_traces_the_library_is_not_loaded(settings: dict[str, str]) -> None:
    code = (
        "import sys\n"
        "from durable_server import app, config\n"
        "server = app.build_server(config.load(database_url='sqlite://:memory:'))\n"
        "assert server.tracing is None\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]\n"
    )
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"} if settings else {}
    environment = {**os.environ, **endpoint, **settings}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert ended.returncode == 0, ended.stderr.decode()
