"""Queries with the unmodified official SDK, of a server with two processes and of one with one."""

from pathlib import Path

import pytest

from tests.sdk.fleet import Release
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.sdk

RELEASES = ("0.4.14", "0.4.106", "2.0.0", "2.12.0")
AT_ONCE_SECONDS = 5


@pytest.mark.parametrize("release", RELEASES)
def test_queries_reach_the_code_of_a_worker(
    server: ServerProcess, release: str, tmp_path: Path
) -> None:
    saw = Release(server, release, tmp_path).told("queries.py")

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
