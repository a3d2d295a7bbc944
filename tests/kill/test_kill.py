"""SIGKILL of the server at random moments under load: nothing acknowledged is lost or doubled."""

import random
import time
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.kill.findings import check_workflow, status_of
from tests.kill.workload import Workload
from tests.support.databases import KINDS, own_database
from tests.support.server_process import ServerProcess
from tests.support.services import wait_until

SETTINGS = {
    "WORKFLOW_TASK_TIMEOUT": "2",
    "ACTIVITY_TASK_TIMEOUT": "2",
    "WORKFLOW_SERVER_WORKER_POLL_TIMEOUT": "2",
    "WORKFLOW_SERVER_LOG_LEVEL": "warning",
}
WORKFLOWS_PER_LIFE = 15
LIFE_SECONDS_MAX = 1.0
# How often a server is killed once more while it starts.
START_KILLED = 0.2
END_SECONDS_MAX = 120


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_kills_lose_nothing(kind: str, tmp_path: Path) -> None:
    _kill_under_load(kind, tmp_path, kills=3, seed=11)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_many_kills_lose_nothing(kind: str, tmp_path: Path) -> None:
    _kill_under_load(kind, tmp_path, kills=60, seed=23)


def _kill_under_load(kind: str, folder: Path, *, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    with own_database(kind, folder) as url:
        server = ServerProcess(url, folder / "server.log", SETTINGS).start()
        workload = Workload(server.client)
        workload.begin()
        try:
            for _ in range(kills):
                workload.want(WORKFLOWS_PER_LIFE)
                # The moment of the kill is the point: anywhere in the life of a server.
                time.sleep(chance.uniform(0, LIFE_SECONDS_MAX))
                server.kill()
                server.launch()
                if chance.random() < START_KILLED:
                    time.sleep(chance.uniform(0, LIFE_SECONDS_MAX))
                    server.kill()
                    server.launch()
                server.wait_ready()
            _judge(server, workload, wanted=kills * WORKFLOWS_PER_LIFE)
        finally:
            workload.end()
            server.stop()
        assert not workload.surprises, "\n".join(workload.surprises[:20])
        assert "Traceback" not in server.log(), server.log()[-4000:]


def _is_completed(client: httpx.Client, workflow_id: str) -> bool:
    return status_of(client, workflow_id) == "completed"


def _judge(server: ServerProcess, workload: Workload, wanted: int) -> None:
    acknowledged = workload.acknowledged
    with server.client() as client:
        wait_until(
            lambda: len(acknowledged.started) == wanted or bool(workload.surprises),
            "every workflow is started",
            END_SECONDS_MAX,
        )
        for workflow_id in sorted(acknowledged.started):
            wait_until(
                partial(_is_completed, client, workflow_id),
                f"{workflow_id} ends",
                END_SECONDS_MAX,
            )
        assert acknowledged.completed <= acknowledged.started
        for workflow_id in sorted(acknowledged.started):
            check_workflow(client, workflow_id, acknowledged)
