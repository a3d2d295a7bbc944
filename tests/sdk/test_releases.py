"""The unmodified official SDK runs real programs against a real server, release by release."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.sdk import matrix
from tests.sdk.checks import CHECKS, Saw
from tests.sdk.environments import LEADING, RELEASES
from tests.sdk.fleet import LEASES, Fleet
from tests.sdk.programs.capabilities import CAPABILITIES
from tests.support.databases import own_database
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.sdk

FURTHER = tuple(release for release in RELEASES if release not in LEADING)
GROUPS = [(kind, group) for kind in ("sqlite", "postgres") for group in (LEADING, FURTHER)]
PLACES = [
    pytest.param(
        group,
        name,
        id=f"{group[0]}-{name}",
        marks=pytest.mark.long if group[1] is FURTHER else (),
    )
    for group in GROUPS
    for name in group[1]
]


@pytest.fixture(scope="module")
def fleet(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Fleet]:
    kind, group = request.param
    folder = tmp_path_factory.mktemp("sdk")
    with own_database(kind, folder) as url:
        server = ServerProcess(url, folder / "server.log", LEASES).start()
        running = Fleet(server, group, folder)
        yield running
        running.close()
        server.stop()


def test_every_capability_has_a_check() -> None:
    assert set(CHECKS) == set(CAPABILITIES)


@pytest.mark.parametrize("capability", CAPABILITIES)
@pytest.mark.parametrize(("fleet", "name"), PLACES, indirect=["fleet"], scope="module")
def test_a_release_does_what_it_can_say(fleet: Fleet, name: str, capability: str) -> None:
    seen = fleet.seen(name)[capability]
    lacks = seen.get("lacks")
    assert matrix.written()[name, CAPABILITIES[capability].sentence] == matrix.cell(lacks)
    if lacks is None:
        assert "error" not in seen, seen["error"]
        CHECKS[capability](Saw(fleet.releases[name], seen))
