"""What one more completed workflow task costs a run that is long already, or has much open."""

import asyncio
import time
from typing import Any, NamedTuple

from bench.load import CONTROL, VALUE, WORKER, Connection
from bench.processes import Measured, database, server

Command = dict[str, Any]
BATCH = 999
CYCLES = 300
# Wakes the run again at once: the task that follows is ready when the completion is answered.
AGAIN: Command = {"type": "open_condition_wait", "condition_key": "bench", "timeout_seconds": 0}
STEP: Command = {"type": "record_side_effect", "result": VALUE}
ACTIVITY: Command = {"type": "schedule_activity", "activity_type": "idle", "queue": "nobody"}
MEMBER: Command = {"type": "schedule_activity", "activity_type": "part"}
CHILD: Command = {"type": "start_child_workflow", "workflow_type": "part"}
OPENING = ("schedule_activity", "start_child_workflow")


class Cost(NamedTuple):
    """CPU of server and database for a poll with its completion, history left out."""

    what: str
    cpu_milliseconds: float


class Fan(NamedTuple):
    """A run whose many steps were open at once and have all completed."""

    what: str
    seconds: float
    cpu_milliseconds: float


class Bench:
    """A worker that holds one run at a time."""

    def __init__(self, measured: Measured) -> None:
        self.measured = measured
        self.connection = Connection("127.0.0.1", measured.port)
        self._runs = 0

    async def begin(self) -> str:
        """Start a run on a queue of its own; gives the queue."""
        self._runs += 1
        queue = f"growth-{self._runs}"
        body = {"worker_id": queue, "task_queue": queue, "runtime": "python"}
        await self._send("/api/worker/register", WORKER, body)
        start = {"workflow_type": "bench", "task_queue": queue, "input": VALUE}
        await self._send("/api/workflows", CONTROL, start)
        return queue

    async def cycle(self, queue: str, *commands: Command) -> None:
        """Take the run's task, with the smallest page of history, and complete it."""
        task = await self.poll(queue, "workflow")
        assert task is not None
        await self.complete(queue, task, *commands)

    async def poll(self, queue: str, kind: str, seconds: int = 10) -> Any:
        """A task, or None when none came in time."""
        body = {"worker_id": queue, "task_queue": queue, "timeout_seconds": seconds}
        body["history_page_size"] = 1
        answer = await self._send(f"/api/worker/{kind}-tasks/poll", WORKER, body)
        return answer["task"]

    async def complete(self, queue: str, task: Any, *commands: Command) -> None:
        """Complete a workflow task."""
        lease = {"lease_owner": queue, "workflow_task_attempt": task["workflow_task_attempt"]}
        path = f"/api/worker/workflow-tasks/{task['task_id']}/complete"
        await self._send(path, WORKER, {**lease, "commands": list(commands)})

    async def report(self, queue: str, attempt: Any) -> None:
        """Complete an activity."""
        body = {"activity_attempt_id": attempt["activity_attempt_id"], "lease_owner": queue}
        path = f"/api/worker/activity-tasks/{attempt['task_id']}/complete"
        await self._send(path, WORKER, {**body, "result": VALUE})

    async def _send(self, path: str, headers: dict[str, str], body: Any) -> Any:
        status, answer = await self.connection.send("POST", path, headers, body)
        assert status in (200, 201), answer
        return answer


def measure(kind: str) -> list[Cost]:
    """The cost of a completion at several sizes, all in one server."""
    with database(kind) as url, server(url) as measured:
        return asyncio.run(_costs(Bench(measured)))


async def _costs(bench: Bench) -> list[Cost]:
    found = []
    for events, runs in ((10, 30), (1_000, 3), (10_000, 1)):
        cost = await _cost(bench, runs, [STEP] * (events - 5))
        found.append(Cost(f"{events:,} events of history", cost))
    for activities, runs in ((10, 3), (2_000, 1)):
        cost = await _cost(bench, runs, [ACTIVITY] * activities)
        found.append(Cost(f"{activities:,} open activities", cost))
    return found


def _batch(commands: list[Command], first: int) -> list[Command]:
    """A batch that says something new: what is said twice while it is open counts once."""
    return [
        {**each, "arguments": [first]} if each["type"] in OPENING else each
        for each in commands[first : first + BATCH]
    ]


async def _cost(bench: Bench, runs: int, before: list[Command]) -> float:
    """Grow some runs, then complete as many tasks of each; gives the CPU of one."""
    queues = []
    for _ in range(runs):
        queues.append(await bench.begin())
        for first in range(0, max(len(before), 1), BATCH):
            await bench.cycle(queues[-1], *_batch(before, first), AGAIN)
    used = bench.measured.cpu_seconds()
    for queue in queues:
        for _ in range(CYCLES // runs):
            await bench.cycle(queue, STEP, AGAIN)
    return (bench.measured.cpu_seconds() - used) / CYCLES * 1000


def fan_out(kind: str, activities: int = 2_000, children: int = 1_000) -> list[Fan]:
    """A run with many parallel activities, and one with many children, from start to end."""
    with database(kind) as url, server(url) as measured:
        bench = Bench(measured)
        return [
            asyncio.run(_fan(bench, f"{activities:,} activities", [MEMBER] * activities)),
            asyncio.run(_fan(bench, f"{children:,} children", [CHILD] * children)),
        ]


async def _fan(bench: Bench, what: str, members: list[Command]) -> Fan:
    bench.connection = Connection("127.0.0.1", bench.measured.port)
    used, begun = bench.measured.cpu_seconds(), time.perf_counter()
    queue = await bench.begin()
    for first in range(0, len(members), BATCH):
        last = first + BATCH >= len(members)
        await bench.cycle(queue, *_batch(members, first), *([] if last else [AGAIN]))
    kind = "activity" if members[0] == MEMBER else "workflow"
    for _ in members:
        task = await bench.poll(queue, kind)
        assert task is not None
        if kind == "activity":
            await bench.report(queue, task)
        else:
            await bench.complete(queue, task, {"type": "complete_workflow", "result": VALUE})
    await bench.cycle(queue, {"type": "complete_workflow", "result": VALUE})
    seconds = time.perf_counter() - begun
    cpu = (bench.measured.cpu_seconds() - used) / len(members) * 1000
    bench.connection.close()
    return Fan(what, seconds, cpu)
