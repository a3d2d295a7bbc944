"""A load of whole workflow lifecycles over real HTTP, from one client process.

Each workflow is started, its first task completed with one activity, the activity completed, and
its second task completed: seven requests. A raw HTTP/1.1 client over sockets keeps the client's
own cost small beside the server's.
"""

import asyncio
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

CONTROL = {"X-Durable-Workflow-Control-Plane-Version": "2"}
WORKER = {"X-Durable-Workflow-Protocol-Version": "1.20"}
VALUE = {"codec": "avro", "blob": "wwHioz3/VYAiNwwCChBvcmRlci00MgA="}


class Connection:
    """One kept-alive connection that sends a request at a time."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def send(
        self, method: str, path: str, headers: dict[str, str], body: Any = None
    ) -> tuple[int, Any]:
        """Status and decoded body of one request."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        assert self._reader is not None
        data = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}", f"Content-Length: {len(data)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += ["Content-Type: application/json", "", ""]
        self._writer.write("\r\n".join(lines).encode() + data)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        answer = await self._reader.readexactly(length)
        return int(head.split(" ", 2)[1]), json.loads(answer) if answer else None

    def close(self) -> None:
        """Drop the connection."""
        if self._writer is not None:
            self._writer.close()


@dataclass
class Load:
    """How much to do, and what came of it."""

    host: str
    port: int
    workflows: int
    in_flight: int = 64
    queue: str = field(default_factory=lambda: f"bench-{uuid.uuid4().hex[:8]}")
    search_attributes: dict[str, Any] = field(default_factory=dict)
    done: int = 0

    async def run(self) -> float:
        """Carry out all workflows; returns the seconds it took."""
        setup = Connection(self.host, self.port)
        await setup.send(
            "POST",
            "/api/worker/register",
            WORKER,
            {
                "worker_id": "bench",
                "task_queue": self.queue,
                "runtime": "python",
                "sdk_version": "durable-workflow-python/2.12.0",
            },
        )
        setup.close()
        finished = asyncio.Event()
        workers = [asyncio.ensure_future(self._workflow_worker(finished)) for _ in range(16)]
        workers += [asyncio.ensure_future(self._activity_worker(finished)) for _ in range(16)]
        begun = time.perf_counter()
        room = asyncio.Semaphore(self.in_flight)
        self._room = room
        await self._start_all()
        while self.done < self.workflows:
            await asyncio.sleep(0.005)
            for worker in workers:
                # One that has failed would be waited for without end.
                if worker.done():
                    worker.result()
        seconds = time.perf_counter() - begun
        finished.set()
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        return seconds

    async def _start_all(self) -> None:
        starters = 8
        share = [self.workflows // starters] * starters
        share[0] += self.workflows - sum(share)
        await asyncio.gather(*(self._start(count) for count in share))

    async def _start(self, count: int) -> None:
        connection = Connection(self.host, self.port)
        for _ in range(count):
            await self._room.acquire()
            status, _ = await connection.send(
                "POST",
                "/api/workflows",
                CONTROL,
                self._wanted(),
            )
            assert status == 201, status
        connection.close()

    def _wanted(self) -> dict[str, Any]:
        wanted = {"workflow_type": "bench", "task_queue": self.queue, "input": VALUE}
        attributes = self.search_attributes
        return {**wanted, "search_attributes": attributes} if attributes else wanted

    async def _workflow_worker(self, finished: asyncio.Event) -> None:
        connection = Connection(self.host, self.port)
        poll = {"worker_id": "bench", "task_queue": self.queue, "timeout_seconds": 5}
        while not finished.is_set():
            wish = {**poll, "poll_request_id": uuid.uuid4().hex}
            _, answer = await connection.send(
                "POST", "/api/worker/workflow-tasks/poll", WORKER, wish
            )
            task = answer["task"]
            if task is None:
                continue
            first = len(task["history_events"]) == 2
            command = (
                {"type": "schedule_activity", "activity_type": "step", "arguments": VALUE}
                if first
                else {"type": "complete_workflow", "result": VALUE}
            )
            body = {
                "lease_owner": "bench",
                "workflow_task_attempt": task["workflow_task_attempt"],
                "commands": [command],
            }
            path = f"/api/worker/workflow-tasks/{task['task_id']}/complete"
            status, answer = await connection.send("POST", path, WORKER, body)
            assert status == 200, answer
            if not first:
                self.done += 1
                self._room.release()

    async def _activity_worker(self, finished: asyncio.Event) -> None:
        connection = Connection(self.host, self.port)
        poll = {"worker_id": "bench", "task_queue": self.queue, "timeout_seconds": 5}
        while not finished.is_set():
            wish = {**poll, "poll_request_id": uuid.uuid4().hex}
            _, answer = await connection.send(
                "POST", "/api/worker/activity-tasks/poll", WORKER, wish
            )
            task = answer["task"]
            if task is None:
                continue
            body = {
                "activity_attempt_id": task["activity_attempt_id"],
                "lease_owner": "bench",
                "result": VALUE,
            }
            path = f"/api/worker/activity-tasks/{task['task_id']}/complete"
            status, answer = await connection.send("POST", path, WORKER, body)
            assert status == 200, answer
