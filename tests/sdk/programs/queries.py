"""Queries with the official SDK: `queries.py URL TOKEN QUEUE`.

A worker with query handlers and a client that asks them; prints one JSON object of what it saw.
"""

import asyncio
import json
import os
import sys
import time
from typing import Any

from durable_workflow import Client, Worker, __version__, activity, workflow

FOREVER_SECONDS = 3600
TRIES_MAX = 100
TYPE = "asked"


@activity.defn(name="greet")
def greet(name: str) -> str:
    return f"hello, {name}"


@workflow.defn(name=TYPE)
class Asked:
    def __init__(self) -> None:
        self.greetings: list[str] = []

    def run(self, ctx: Any, name: str, seconds: int) -> Any:
        greeting = yield ctx.schedule_activity("greet", [name])
        self.greetings.append(greeting)
        yield ctx.start_timer(seconds)
        return greeting

    @workflow.query("greetings")
    def told(self) -> list[str]:
        return self.greetings

    @workflow.query("joined")
    def joined(self, between: str, times: int) -> dict[str, Any]:
        return {"text": between.join(self.greetings * times), "times": times}

    @workflow.query("broken")
    def broken(self) -> None:
        raise ValueError("nobody can say")


class Asker:
    """A client, and what its queries came to."""

    def __init__(self, client: Client, queue: str) -> None:
        self._client, self._queue = client, queue

    async def start(self, name: str, queue: str, seconds: int) -> str:
        """A workflow of our type."""
        workflow_id = f"{name}-{queue}"
        await self._client.start_workflow(
            workflow_type=TYPE, task_queue=queue, workflow_id=workflow_id, input=["wörld", seconds]
        )
        return workflow_id

    async def ask(self, workflow_id: str, name: str, args: list[Any] | None = None) -> Any:
        """The result of a query, or how it was refused; and how long that took."""
        began = time.monotonic()
        try:
            told = await self._client.query_workflow(workflow_id, name, args=args)
        except Exception as error:
            told = {"raised": type(error).__name__, "text": str(error)}
        return {**told, "seconds": time.monotonic() - began}

    async def until(self, workflow_id: str, status: str) -> None:
        """Wait until a workflow has a status."""
        for _ in range(TRIES_MAX):
            described = await self._client.describe_workflow(workflow_id)
            if described.status == status:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{workflow_id} is not {status} in time")

    async def all(self) -> dict[str, Any]:
        """Every question."""
        running = await self.start("running", self._queue, FOREVER_SECONDS)
        closed = await self.start("closed", self._queue, 1)
        deserted = await self.start("deserted", f"{self._queue}-without-workers", 1)
        for _ in range(TRIES_MAX):
            greeted = await self.ask(running, "greetings")
            if greeted.get("result"):
                break
            await asyncio.sleep(0.1)
        await self.until(closed, "completed")
        return {
            "version": __version__,
            "running": greeted,
            "arguments": await self.ask(running, "joined", ["-", 2]),
            "unknown": await self.ask(running, "no_such_query"),
            "broken": await self.ask(running, "broken"),
            "closed": await self.ask(closed, "greetings"),
            "deserted": await self.ask(deserted, "greetings"),
            "nowhere": await self.ask(f"workflow-nowhere-{self._queue}", "greetings"),
        }


async def main(url: str, token: str, queue: str) -> None:
    async with Client(url, token=token) as client:
        worker = Worker(client, task_queue=queue, workflows=[Asked], activities=[greet])
        working = asyncio.create_task(worker.run())
        asking = asyncio.create_task(Asker(client, queue).all())
        await asyncio.wait({working, asking}, return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            await working
            raise SystemExit("the worker ended by itself")
        print(json.dumps(await asking), flush=True)
        # A worker's own goodbye may last as long as its poll; nothing here waits for it.
        os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
