"""How late timers fire that are all due at once."""

import asyncio
import time
from datetime import datetime
from typing import NamedTuple

from bench.load import CONTROL, VALUE, WORKER, Connection
from bench.parked import percentile
from bench.processes import database, server

TIMERS = 500
DELAY_SECONDS = 20


class Lateness(NamedTuple):
    """Milliseconds between when timers were due and when they fired."""

    timers: int
    p50_ms: float
    p99_ms: float


def measure(kind: str, timers: int = TIMERS) -> Lateness:
    """Start timers so that all are due within the same second, and read when they fired."""
    with database(kind) as url, server(url) as measured:
        return asyncio.run(_measure(measured.port, timers))


async def _measure(port: int, timers: int) -> Lateness:
    connection = Connection("127.0.0.1", port)
    body = {"worker_id": "timers", "task_queue": "timers", "runtime": "python"}
    await connection.send("POST", "/api/worker/register", WORKER, body)
    due = time.time() + DELAY_SECONDS
    runs = [await _start(connection, due) for _ in range(timers)]
    await asyncio.sleep(max(0.0, due - time.time()) + 3)
    late = [await _lateness(connection, *run) for run in runs]
    connection.close()
    return Lateness(timers, percentile(late, 0.5), percentile(late, 0.99))


async def _start(connection: Connection, due: float) -> tuple[str, str]:
    start = {"workflow_type": "sleep", "task_queue": "timers", "input": VALUE}
    _, started = await connection.send("POST", "/api/workflows", CONTROL, start)
    poll = {"worker_id": "timers", "task_queue": "timers", "timeout_seconds": 5}
    _, answer = await connection.send("POST", "/api/worker/workflow-tasks/poll", WORKER, poll)
    task = answer["task"]
    seconds = max(1, round(due - time.time()))
    complete = {
        "lease_owner": "timers",
        "workflow_task_attempt": task["workflow_task_attempt"],
        "commands": [{"type": "start_timer", "delay_seconds": seconds}],
    }
    path = f"/api/worker/workflow-tasks/{task['task_id']}/complete"
    status, answer = await connection.send("POST", path, WORKER, complete)
    assert status == 200, answer
    return started["workflow_id"], started["run_id"]


async def _lateness(connection: Connection, workflow_id: str, run_id: str) -> float:
    path = f"/api/workflows/{workflow_id}/runs/{run_id}/history"
    _, history = await connection.send("GET", path, CONTROL)
    fired = next(e["payload"] for e in history["events"] if e["event_type"] == "TimerFired")
    span = _instant(fired["fired_at"]) - _instant(fired["fire_at"])
    return span * 1000


def _instant(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
