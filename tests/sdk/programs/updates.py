"""Updates with the official SDK: `updates.py URL TOKEN QUEUE`.

A worker with update handlers and a client that sends them; prints one JSON object of what it saw.
"""

import asyncio
import json
import os
import sys
import threading
from typing import Any

from durable_workflow import Client, Worker, __version__, activity, workflow

TRIES_MAX = 200
WAIT_SECONDS = 30
TYPE = "painted"
# The activity lasts until the client says so.
SUN = threading.Event()


@activity.defn(name="dry")
async def dry(colour: str) -> str:
    while not SUN.is_set():
        await asyncio.sleep(0.05)
    return f"dry {colour}"


@workflow.defn(name=TYPE)
class Painted:
    def __init__(self) -> None:
        self.coats: list[str] = []

    def run(self, ctx: Any, coats: int) -> Any:
        yield ctx.wait_condition(lambda: len(self.coats) >= 1, key="first coat")
        dried = yield ctx.schedule_activity("dry", [self.coats[0]])
        yield ctx.wait_condition(lambda: len(self.coats) >= coats, key="every coat")
        return {"dried": dried, "coats": self.coats}

    @workflow.update("paint")
    def paint(self, colour: str) -> int:
        if colour == "mud":
            raise ValueError("that is no paint")
        self.coats.append(colour)
        return len(self.coats)

    @workflow.update_validator("paint")
    def may_paint(self, colour: str) -> None:
        if colour in self.coats:
            raise ValueError(f"there is a coat of {colour}")


class Painter:
    """A client, and what its updates came to."""

    def __init__(self, client: Client, workflow_id: str) -> None:
        self._client, self._workflow_id = client, workflow_id

    async def paint(self, colour: str, stage: str = "completed", **more: Any) -> Any:
        """What an update was answered, or how it was refused."""
        if stage == "completed":
            more.setdefault("wait_timeout_seconds", WAIT_SECONDS)
        try:
            told = await self._client.update_workflow(
                self._workflow_id, "paint", args=[colour], wait_for=stage, **more
            )
        except Exception as error:
            return {"raised": type(error).__name__, "text": str(error)}
        return told

    async def until_event(self, event_type: str) -> None:
        """Wait until the history holds an event of this type."""
        described = await self._client.describe_workflow(self._workflow_id)
        for _ in range(TRIES_MAX):
            history = await self._client.get_history(self._workflow_id, described.run_id)
            if any(event["event_type"] == event_type for event in history["events"]):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"there is no {event_type} in time")


async def painted(client: Client, queue: str) -> dict[str, Any]:
    """The life of a workflow that is updated, as its client sees it."""
    handle = await client.start_workflow(
        workflow_type=TYPE, task_queue=queue, workflow_id=f"fence-{queue}", input=[4]
    )
    painter = Painter(client, f"fence-{queue}")
    await painter.until_event("ConditionWaitOpened")
    saw: dict[str, Any] = {"version": __version__}
    saw["failed"] = await painter.paint("mud")
    saw["first"] = await painter.paint("red", request_id="first coat")
    saw["again"] = await painter.paint("red", request_id="first coat")
    await painter.until_event("ActivityStarted")
    saw["meanwhile"] = await painter.paint("blue")
    saw["refused"] = await painter.paint("red", request_id="another coat")
    SUN.set()
    saw["accepted"] = await painter.paint("green", "accepted")
    saw["late"] = await painter.paint("white", "completed", wait_timeout_seconds=WAIT_SECONDS)
    saw["result"] = await handle.result(timeout=WAIT_SECONDS)
    saw["closed"] = await painter.paint("black")
    return saw


async def main(url: str, token: str, queue: str) -> None:
    async with Client(url, token=token) as client:
        worker = Worker(client, task_queue=queue, workflows=[Painted], activities=[dry])
        working = asyncio.create_task(worker.run())
        painting = asyncio.create_task(painted(client, queue))
        await asyncio.wait({working, painting}, return_when=asyncio.FIRST_COMPLETED)
        if not painting.done():
            await working
            raise SystemExit("the worker ended by itself")
        print(json.dumps(await painting), flush=True)
        # A worker's own goodbye may last as long as its poll; nothing here waits for it.
        os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
