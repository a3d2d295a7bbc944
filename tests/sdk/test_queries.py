"""Queries with the unmodified official SDK, of a server with two processes and of one with one."""

import json
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.environments import python_for
from tests.sdk.fleet import PROGRAMS, environment, path_for
from tests.support.databases import own_database
from tests.support.server_process import TOKEN, ServerProcess

pytestmark = pytest.mark.sdk

RELEASES = ("0.4.14", "0.4.106", "2.0.0", "2.12.0")
PROGRAM_SECONDS_MAX = 120
AT_ONCE_SECONDS = 5


@pytest.fixture(scope="module", params=[("sqlite", 1), ("postgresql", 2)], ids=str)
def server(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[ServerProcess]:
    kind, processes = request.param
    folder: Path = tmp_path_factory.mktemp(f"queries-{kind}")
    settings = {"WORKFLOW_SERVER_PROCESSES": str(processes)}
    with own_database(kind, folder) as url:
        process = ServerProcess(url, folder / "server.log", settings).start()
        yield process
        process.stop()


@pytest.mark.parametrize("release", RELEASES)
def test_queries_reach_the_code_of_a_worker(server: ServerProcess, release: str) -> None:
    saw = asked(server, release)

    assert saw["version"] == release
    assert saw["running"]["result"] == ["hello, wörld"]
    twice = {"text": "hello, wörld-hello, wörld", "times": 2}
    assert saw["arguments"]["result"] == twice
    assert saw["arguments"]["result_envelope"]["codec"] == "avro"
    assert saw["closed"]["result"] == ["hello, wörld"]
    assert saw["unknown"]["raised"] == "QueryFailed"
    assert saw["broken"]["raised"] == "QueryFailed"
    assert "nobody can say" in saw["broken"]["text"]
    assert saw["deserted"]["raised"] == "QueryFailed"
    assert saw["deserted"]["seconds"] < AT_ONCE_SECONDS
    assert saw["nowhere"]["raised"] == "WorkflowNotFound"


def asked(server: ServerProcess, release: str) -> dict[str, Any]:
    """What the program of a release saw."""
    url = server.url + path_for(release)
    queue = f"queue-{release}-{uuid.uuid4().hex[:8]}"
    done = subprocess.run(
        [str(python_for(release)), str(PROGRAMS / "queries.py"), url, TOKEN, queue],
        capture_output=True,
        text=True,
        timeout=PROGRAM_SECONDS_MAX,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr[-6000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found
