"""Every call of the clients of the official SDK, over HTTP, of one server and of two."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sdk import call_matrix
from tests.sdk.call_matrix import DONE, REFUSED, RELEASES
from tests.sdk.fleet import Release
from tests.support.databases import own_database
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.sdk

LEADING = (RELEASES[0], RELEASES[-1])
NAMES = [pytest.param(name, marks=() if name in LEADING else pytest.mark.long) for name in RELEASES]


@pytest.fixture(
    scope="module", params=[("sqlite", "1"), ("postgres", "2")], ids=lambda each: each[0]
)
def server(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[ServerProcess]:
    kind, processes = request.param
    folder: Path = tmp_path_factory.mktemp(f"controls-{kind}")
    (folder / "payloads").mkdir()
    settings = {
        "WORKFLOW_SERVER_PROCESSES": processes,
        "WORKFLOW_SERVER_PAYLOAD_STORAGE_FOLDER": str(folder / "payloads"),
    }
    with own_database(kind, folder) as url:
        running = ServerProcess(url, folder / "server.log", settings).start()
        yield running
        running.stop()


@pytest.mark.parametrize("release", NAMES)
def test_every_call_of_a_release_is_answered(
    server: ServerProcess, release: str, tmp_path: Path
) -> None:
    saw = Release(server, release, tmp_path).told("controls.py")

    assert saw["version"] == release
    assert saw["wrong"] == [], "\n\n".join(saw["wrong"])
    came_of = {each: saw["came_of"].get(each) for each in call_matrix.clients_own(saw["offered"])}
    # A method that nobody has called here is either new, or one that only workers call.
    assert [each for each, outcome in came_of.items() if outcome is None] == []
    table = {each: DONE if outcome == "done" else REFUSED for each, outcome in came_of.items()}
    assert table == call_matrix.column(release), _shown(came_of)


def _shown(came_of: dict[str, str | None]) -> str:
    return "\n".join(f"{outcome or 'not called':<30} {each}" for each, outcome in came_of.items())
