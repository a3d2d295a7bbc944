"""A server that is stepped by its caller lives the same life whenever it is asked the same."""

import random
from pathlib import Path
from typing import Any

import pytest
from durable_server.clock import ManualClock
from durable_server.http.compile import Router
from durable_server.store import migrate
from durable_server.store.database import open_store

from tests.model.still import StillServer, still_server
from tests.support.databases import KINDS, own_database

QUEUE = "orders"
CHILD = {"type": "start_child_workflow", "workflow_type": "part", "queue": QUEUE}


def lived(still: StillServer, seed: int) -> list[Any]:
    """A parent, its child and its timers, with a restart; everything that was answered and kept."""
    chance, answers = random.Random(seed), list[Any]()
    still.asker.register("anna", QUEUE)
    body = {"workflow_id": "order-1", "workflow_type": "order", "task_queue": QUEUE}
    answers.append(still.asker.ask("POST", "/api/workflows", body))
    for _ in range(8):
        task = still.asker.poll("workflow", "anna", QUEUE)
        if task is not None:
            wanted = chance.choice([[CHILD], [{"type": "start_timer", "delay_seconds": 1}]])
            lease = {key: task[key] for key in ("lease_owner", "workflow_task_attempt")}
            path = f"/api/worker/workflow-tasks/{task['task_id']}/complete"
            answers.append(still.asker.ask("POST", path, {**lease, "commands": wanted}))
        still.clock.advance(1)
        still.asker.sweep()
    still.restart()
    answers.append(still.asker.everything(QUEUE))
    return answers


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_requests_are_answered_the_same_and_leave_the_same(
    kind: str, tmp_path: Path
) -> None:
    router, lives = Router(), []
    with own_database(kind, tmp_path) as url:
        migrate.bootstrap(open_store(url, clock=ManualClock(), database_clock=False))
        for seed in (7, 7, 8):
            with still_server(url, tmp_path, router) as still:
                lives.append(lived(still, seed))
    assert lives[0] == lives[1]
    assert lives[1] != lives[2]
    assert len(lives[0][-1].runs) > 1


def test_a_child_that_begins_is_there_when_its_parent_is_answered(tmp_path: Path) -> None:
    with own_database("sqlite", tmp_path) as url:
        migrate.bootstrap(open_store(url, clock=ManualClock(), database_clock=False))
        with still_server(url, tmp_path, Router()) as still:
            lived(still, 7)
            before = still.asker.everything(QUEUE)
            still.asker.ask("GET", "/api/workflows/order-1")
            assert still.asker.everything(QUEUE) == before
