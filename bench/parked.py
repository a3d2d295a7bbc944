"""Parked polls: memory for each, other requests beside them, and how seldom queries are made."""

import asyncio
import json
import resource
import time
from typing import NamedTuple

from bench.load import CONTROL, WORKER, Connection
from bench.processes import Measured, database, server

POLLS = 10_000
IDLE_POLLS = 1_000
IDLE_SECONDS = 10


class Parked(NamedTuple):
    """What many parked polls cost."""

    polls: int
    kilobytes_each: float
    other_request_p50_ms: float
    other_request_p99_ms: float
    handover_p50_ms: float
    handover_p99_ms: float


class Idle(NamedTuple):
    """What idle pollers ask of the database."""

    polls: int
    transactions_per_second: float


async def _register(port: int, queue: str) -> None:
    connection = Connection("127.0.0.1", port)
    body = {"worker_id": f"worker-{queue}", "task_queue": queue, "runtime": "python"}
    status, answer = await connection.send("POST", "/api/worker/register", WORKER, body)
    assert status == 201, answer
    connection.close()


async def _park(port: int, queue: str, count: int) -> list[asyncio.StreamWriter]:
    """Open polls and leave them waiting."""
    body = {"worker_id": f"worker-{queue}", "task_queue": queue, "timeout_seconds": 60}
    data = json.dumps(body).encode()
    head = (
        "POST /api/worker/workflow-tasks/poll HTTP/1.1\r\nHost: bench\r\n"
        f"X-Durable-Workflow-Protocol-Version: 1.20\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(data)}\r\n\r\n"
    ).encode()
    writers = []
    for _ in range(count):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head + data)
        writers.append(writer)
    return writers


async def _settled(measured: Measured) -> None:
    """Wait until the server has taken what was sent."""
    busy = -1.0
    while True:
        now = measured.cpu_seconds()
        if now - busy < 0.02:
            return
        busy = now
        await asyncio.sleep(0.5)


async def _times(port: int, count: int, path: str) -> list[float]:
    connection = Connection("127.0.0.1", port)
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        await connection.send("GET", path, CONTROL)
        times.append((time.perf_counter() - begun) * 1000)
    connection.close()
    return times


async def _handovers(port: int, count: int) -> list[float]:
    """From the reply to a start, sent after its commit, until the parked poll has its task."""
    await _register(port, "handover")
    starter, poller = Connection("127.0.0.1", port), Connection("127.0.0.1", port)
    poll = {"worker_id": "worker-handover", "task_queue": "handover", "timeout_seconds": 30}
    start = {"workflow_type": "bench", "task_queue": "handover"}
    times = []
    for _ in range(count):
        waiting = asyncio.ensure_future(
            poller.send("POST", "/api/worker/workflow-tasks/poll", WORKER, poll)
        )
        await asyncio.sleep(0.01)
        arrived: list[float] = []
        waiting.add_done_callback(lambda _, a=arrived: a.append(time.perf_counter()))
        status, _ = await starter.send("POST", "/api/workflows", CONTROL, start)
        committed = time.perf_counter()
        assert status == 201
        _, answer = await waiting
        await asyncio.sleep(0)
        assert answer["task"] is not None
        times.append(max(0.0, (arrived[0] - committed) * 1000))
    return times


def percentile(values: list[float], share: float) -> float:
    """The value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def measure_parked(polls: int = POLLS) -> Parked:
    """Park many polls on many queues of one server and use it beside them."""
    _raise_file_limit(polls + 1000)
    with database("sqlite") as url, server(url) as measured:
        return asyncio.run(_parked(measured, polls))


async def _parked(measured: Measured, polls: int) -> Parked:
    await _register(measured.port, "parked")
    await _times(measured.port, 200, "/api/workflows")
    before = measured.resident_megabytes()
    writers = await _park(measured.port, "parked", polls)
    await _settled(measured)
    each = (measured.resident_megabytes() - before) * 1000 / polls
    others = await _times(measured.port, 300, "/api/workflows")
    handovers = await _handovers(measured.port, 200)
    for writer in writers:
        writer.close()
    return Parked(
        polls,
        each,
        percentile(others, 0.5),
        percentile(others, 0.99),
        percentile(handovers, 0.5),
        percentile(handovers, 0.99),
    )


def measure_idle(polls: int = IDLE_POLLS) -> Idle:
    """Count what PostgreSQL is asked while polls only wait."""
    _raise_file_limit(polls + 1000)
    with database("postgresql") as url, server(url) as measured:
        return asyncio.run(_idle(measured, polls))


async def _idle(measured: Measured, polls: int) -> Idle:
    queues = 10
    writers = []
    for number in range(queues):
        await _register(measured.port, f"idle-{number}")
        writers += await _park(measured.port, f"idle-{number}", polls // queues)
    await _settled(measured)
    # PostgreSQL counts the transactions of an idle session only after a while.
    await asyncio.sleep(IDLE_SECONDS)
    before = measured.transactions()
    await asyncio.sleep(IDLE_SECONDS)
    # Each look at the counter is a transaction of its own.
    asked = measured.transactions() - before - 1
    for writer in writers:
        writer.close()
    return Idle(polls, asked / IDLE_SECONDS)


def _raise_file_limit(files: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(files, hard), hard))
