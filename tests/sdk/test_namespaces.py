"""Namespaces and payload storage with the unmodified official SDK, over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sdk.fleet import Release
from tests.support.databases import own_database
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.sdk


@pytest.fixture
def storing(tmp_path: Path) -> Iterator[ServerProcess]:
    settings = {"WORKFLOW_SERVER_PAYLOAD_STORAGE_FOLDER": str(tmp_path / "payloads")}
    (tmp_path / "payloads").mkdir()
    with own_database("sqlite", tmp_path) as url:
        process = ServerProcess(url, tmp_path / "server.log", settings).start()
        yield process
        process.stop()


def test_an_sdk_makes_keeps_and_deletes_namespaces(storing: ServerProcess, tmp_path: Path) -> None:
    saw = Release(storing, "2.12.0", tmp_path).told("namespaces.py")

    assert saw["made"] == ["from-sdk", 7, "active"]
    assert saw["listed"] == ["default", "from-sdk"]
    assert saw["changed"] == "after"
    assert saw["policy"] == ["local", 500]
    assert saw["tried"] == ["passed", 5000]
    assert saw["input"] == ["x" * 1000]
    assert saw["deleted"]["runs"] == 1
    assert saw["deleted"]["external_payloads"] == 1
    assert saw["gone"] == "NamespaceNotFound"
