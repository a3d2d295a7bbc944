"""The whole suite against our own server in every configuration, and under settings that hurt."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path

import pytest

from tests.served.test_conformance import HURRIED, OTHER_CREDENTIALS, ROLE_FLAGS, ROLE_TOKENS
from tests.served.test_conformance import not_passed as left_by
from tests.served.two_nodes import one_address
from tests.support.databases import KINDS, own_database
from tests.support.server_process import ServerProcess
from tests.support.services import free_port, redis_url

EVERYTHING = [*product(KINDS, ("uvicorn", "waitress"), (1, 2), (False, True))]
FLAGS = (*ROLE_FLAGS, "--capability", "short_leases")
# A query is waited for as long as a poll, which a busy machine needs longer for.
QUICK = {**HURRIED, "WORKFLOW_SERVER_QUERY_TASK_TIMEOUT": "5"}
STRESS = {
    "leases of a second": {"WORKFLOW_TASK_TIMEOUT": "1", "ACTIVITY_TASK_TIMEOUT": "1"},
    "a page for each event": {"WORKFLOW_SERVER_HISTORY_PAGE_SIZE_DEFAULT": "1"},
    # Nobody is woken by another node: what is parked finds its task by looking again.
    "looking again only": {"REDIS_URL": "redis://127.0.0.1:1/0"},
}


@contextmanager
def nodes(kind: str, http: str, count: int, folder: Path, **settings: str) -> Iterator[str]:
    """The one address of so many servers on one database; SQLite has processes of one server."""
    if kind == "sqlite":
        settings, count = {**settings, "WORKFLOW_SERVER_PROCESSES": str(count)}, 1
    with ExitStack() as stack:
        url = stack.enter_context(own_database(kind, folder))
        servers = []
        for number in range(count):
            own = {"WORKFLOW_SERVER_ID": f"node-{number}", **ROLE_TOKENS, **QUICK, **settings}
            log = folder / f"node-{number}.log"
            server = ServerProcess(url, log, own, ("--http", http), free_port()).start()
            stack.callback(server.stop)
            servers.append(server)
        yield stack.enter_context(one_address([server.port for server in servers]))


def not_kept(left: dict[str, str]) -> dict[str, str]:
    return {id_: why for id_, why in left.items() if id_ not in OTHER_CREDENTIALS}


@pytest.mark.long
@pytest.mark.parametrize(("kind", "http", "count", "with_redis"), EVERYTHING)
def test_every_configuration_passes(
    kind: str, http: str, count: int, with_redis: bool, tmp_path: Path
) -> None:
    settings = {"REDIS_URL": redis_url()} if with_redis else {}
    with nodes(kind, http, count, tmp_path, **settings) as url:
        left = left_by(url, tmp_path, *FLAGS)

    assert not_kept(left) == {}


@pytest.mark.long
@pytest.mark.parametrize("stress", STRESS)
@pytest.mark.parametrize("kind", KINDS)
def test_stress_passes(kind: str, stress: str, tmp_path: Path) -> None:
    with nodes(kind, "uvicorn", 1, tmp_path, **STRESS[stress]) as url:
        # A few at a time: with a second of lease a worker must be quick about its task.
        left = left_by(url, tmp_path, *FLAGS, "--parallel", "3")

    assert not_kept(left) == {}


def test_two_nodes_on_one_database_pass(tmp_path: Path) -> None:
    with nodes("postgresql", "uvicorn", 2, tmp_path, REDIS_URL=redis_url()) as url:
        left = left_by(url, tmp_path, *FLAGS)

    assert not_kept(left) == {}
