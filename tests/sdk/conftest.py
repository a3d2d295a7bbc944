"""A server of one process and one of two, on which programs of several releases may run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import own_database
from tests.support.server_process import ServerProcess


@pytest.fixture(scope="module", params=[("sqlite", 1), ("postgresql", 2)], ids=str)
def server(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[ServerProcess]:
    kind, processes = request.param
    folder: Path = tmp_path_factory.mktemp(f"sdk-{kind}")
    settings = {"WORKFLOW_SERVER_PROCESSES": str(processes)}
    with own_database(kind, folder) as url:
        process = ServerProcess(url, folder / "server.log", settings).start()
        yield process
        process.stop()
