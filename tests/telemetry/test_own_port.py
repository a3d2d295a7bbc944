"""Real servers of several processes, and the passes alone, scraped on a port of their own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.databases import own_database
from tests.support.server_process import ServerProcess
from tests.support.services import free_port, wait_until
from tests.telemetry.reading import Scraped

REQUESTS = 60


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, int]]:
    folder, port = tmp_path_factory.mktemp("scraped"), free_port()
    settings = {
        "WORKFLOW_SERVER_METRICS_PORT": str(port),
        "WORKFLOW_SERVER_METRICS_HOST": "127.0.0.1",
    }
    with own_database("sqlite", folder) as url:
        server = ServerProcess(url, folder / "log", settings, ("--processes", "2")).start()
        try:
            yield server, port
        finally:
            server.stop()


def scrape(port: int) -> Scraped:
    return Scraped(httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text)


def asked(scraped: Scraped) -> float:
    return scraped.sum("durable_request_seconds_count", operation="health.health")


def test_whichever_process_is_scraped_answers_for_all(served: tuple[ServerProcess, int]) -> None:
    server, port = served
    wait_until(lambda: len(scrape(port).values("process")) == 2, "both processes answer")
    before = asked(scrape(port))
    for _ in range(REQUESTS):
        # A connection each, so that both processes are asked.
        assert httpx.get(f"{server.url}/api/health").status_code == 200

    scrapes = [scrape(port) for _ in range(6)]

    assert {asked(each) for each in scrapes} == {before + REQUESTS}
    for each in scrapes:
        assert each.values("process") == {"0", "1"}
        assert len(each.families["process_resident_memory_bytes"].samples) == 2
        assert each.sum("durable_build_info") == 2


def test_the_port_of_the_api_says_the_same_to_operators(served: tuple[ServerProcess, int]) -> None:
    server, _ = served
    with server.client() as client:
        answer = client.get(f"{server.url}/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert Scraped(answer.text).values("process") == {"0", "1"}
    assert httpx.get(f"{server.url}/metrics").status_code == 401


def test_the_own_port_serves_nothing_else(served: tuple[ServerProcess, int]) -> None:
    _, port = served

    assert httpx.get(f"http://127.0.0.1:{port}/api/health").status_code == 404
    assert httpx.post(f"http://127.0.0.1:{port}/metrics").status_code == 405


def test_the_passes_alone_are_scraped_on_that_port(tmp_path: Path) -> None:
    port = free_port()
    program = Path(sys.executable).parent / "durable-server"
    environment = {**os.environ, "WORKFLOW_SERVER_METRICS_PORT": str(port)}
    with own_database("sqlite", tmp_path) as url:
        database = ["--database", url]
        subprocess.run([program, "bootstrap", *database], check=True, capture_output=True)
        passes = subprocess.Popen(
            [program, "maintain", *database], env=environment, stderr=subprocess.DEVNULL
        )
        try:
            wait_until(lambda: _runs_passes(port), "the passes are told of")
        finally:
            passes.terminate()
            assert passes.wait(15) == 0


def _runs_passes(port: int) -> bool:
    try:
        scraped = scrape(port)
    except httpx.TransportError:
        return False
    return {"timers", "messages"} <= scraped.values("pass")
