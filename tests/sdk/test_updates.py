"""Updates with the unmodified official SDK, of a server with two processes and of one with one."""

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

# Until 0.4.106 validators run in the task of an update that is accepted already.
RELEASES = {"0.4.106": "InvalidArgument", "2.0.0": "UpdateRejected", "2.12.0": "UpdateRejected"}
PROGRAM_SECONDS_MAX = 180


@pytest.fixture(scope="module", params=[("sqlite", 1), ("postgresql", 2)], ids=str)
def server(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[ServerProcess]:
    kind, processes = request.param
    folder: Path = tmp_path_factory.mktemp(f"updates-{kind}")
    settings = {"WORKFLOW_SERVER_PROCESSES": str(processes)}
    with own_database(kind, folder) as url:
        process = ServerProcess(url, folder / "server.log", settings).start()
        yield process
        process.stop()


@pytest.mark.parametrize("release", RELEASES)
def test_updates_reach_the_code_of_a_worker(server: ServerProcess, release: str) -> None:
    saw = painted(server, release)

    assert saw["version"] == release
    assert saw["failed"]["raised"] in ("UpdateFailed", "InvalidArgument")
    assert "that is no paint" in saw["failed"]["text"]
    assert (saw["first"]["update_status"], saw["first"]["result"]) == ("completed", 1)
    assert saw["first"]["result_envelope"]["codec"] == "avro"
    assert saw["again"]["update_id"] == saw["first"]["update_id"]
    assert (saw["again"]["retained"], saw["again"]["result"]) == (True, 1)
    assert saw["meanwhile"]["result"] == 2
    assert saw["refused"]["raised"] == RELEASES[release]
    assert "there is a coat of red" in saw["refused"]["text"]
    assert saw["accepted"]["update_status"] == "accepted"
    assert saw["late"]["result"] == 4
    assert saw["result"] == {"dried": "dry red", "coats": ["red", "blue", "green", "white"]}
    assert saw["closed"]["raised"] == "ServerError"


def painted(server: ServerProcess, release: str) -> dict[str, Any]:
    """What the program of a release saw."""
    url = server.url + path_for(release)
    queue = f"queue-{release}-{uuid.uuid4().hex[:8]}"
    done = subprocess.run(
        [str(python_for(release)), str(PROGRAMS / "updates.py"), url, TOKEN, queue],
        capture_output=True,
        text=True,
        timeout=PROGRAM_SECONDS_MAX,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr[-6000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found
