"""What a completion costs the database does not grow with its run, counted and not timed.

SQLite tells how many instructions of its machine it has carried out: the same at every time, and
more for every row that is read, whatever is done with it. `python -m bench growth` measures time.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from durable_server.clock import ManualClock
from durable_server.http.compile import Router
from durable_server.store import migrate
from durable_server.store.database import open_store

from tests.model.still import StillServer, still_server
from tests.support.databases import own_database

QUEUE, WORKER = "orders", "anna"
BATCH = 900
RATIO_MAX = 1.5
STEP = {"type": "record_side_effect", "result": "AAA="}
ACTIVITY = {"type": "schedule_activity", "activity_type": "idle", "queue": "nobody"}
AGAIN = {"type": "open_condition_wait", "condition_key": "again", "timeout_seconds": 0}


@pytest.fixture
def still(tmp_path: Path) -> Iterator[StillServer]:
    with own_database("sqlite", tmp_path) as url:
        migrate.bootstrap(open_store(url, clock=ManualClock(), database_clock=False))
        with still_server(url, tmp_path, Router()) as server:
            server.asker.register(WORKER, QUEUE)
            yield server


def start(still: StillServer) -> None:
    body = {"workflow_type": "order", "task_queue": QUEUE}
    assert still.asker.ask("POST", "/api/workflows", body)[0] == 201


def cycle(still: StillServer, *commands: dict[str, Any]) -> int:
    """Complete the task of the run, which is woken again; the instructions that it took."""
    task = still.asker.poll("workflow", WORKER, QUEUE)
    lease = {key: task[key] for key in ("lease_owner", "workflow_task_attempt")}
    path = f"/api/worker/workflow-tasks/{task['task_id']}/complete"
    with still.counting() as counted:
        status, answer = still.asker.ask("POST", path, {**lease, "commands": [*commands, AGAIN]})
    assert status == 200, answer
    still.asker.sweep()
    return counted[0]


def cost(still: StillServer, before: list[dict[str, Any]]) -> int:
    """What one more completion costs a run that has done this before."""
    start(still)
    for first in range(0, len(before), BATCH):
        cycle(still, *before[first : first + BATCH])
    # The first one after a large batch settles what that left behind.
    cycle(still, STEP)
    spent = cycle(still, STEP)
    task = still.asker.poll("workflow", WORKER, QUEUE)
    assert task is not None
    return spent


def test_a_completion_costs_a_long_history_what_it_costs_a_short_one(still: StillServer) -> None:
    short, long, longest = (cost(still, [STEP] * count) for count in (10, 1_000, 5_000))
    runs = [rows.run for rows in still.asker.everything(QUEUE).runs.values()]
    assert max(run.last_sequence for run in runs) > 5_000
    assert max(long, longest) <= RATIO_MAX * short, (short, long, longest)


def test_a_completion_costs_many_open_activities_what_it_costs_few(still: StillServer) -> None:
    few, many = (
        cost(still, [{**ACTIVITY, "arguments": [number]} for number in range(count)])
        for count in (10, 1_800)
    )
    runs = [rows.run for rows in still.asker.everything(QUEUE).runs.values()]
    assert sorted(run.open_activities for run in runs) == [10, 1_800]
    assert many <= RATIO_MAX * few, (few, many)
