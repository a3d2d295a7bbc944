"""Updates with the unmodified official SDK, of a server with two processes and of one with one."""

from pathlib import Path

import pytest

from tests.sdk.fleet import Release
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.sdk

# Until 0.4.106 validators run in the task of an update that is accepted already.
RELEASES = {"0.4.106": "InvalidArgument", "2.0.0": "UpdateRejected", "2.12.0": "UpdateRejected"}


@pytest.mark.parametrize("release", RELEASES)
def test_updates_reach_the_code_of_a_worker(
    server: ServerProcess, release: str, tmp_path: Path
) -> None:
    saw = Release(server, release, tmp_path).told("updates.py")

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
    # Accepted, or further: the worker may have carried it out before the reply was written.
    assert saw["accepted"]["update_status"] in ("accepted", "completed")
    assert saw["late"]["result"] == 4
    assert saw["result"] == {"dried": "dry red", "coats": ["red", "blue", "green", "white"]}
    assert saw["closed"]["raised"] == "ServerError"
