"""A worker and a client of the official SDK: `drive.py URL TOKEN QUEUE ORPHANS`.

Carries out every capability that this release can express, and finishes the runs that a
killed worker left (ORPHANS, as `doomed.py` printed them). Prints one JSON object: for each
capability what the client saw, or what the release has not, or what went wrong.
"""

import asyncio
import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

import definitions
import lineage
import scenes
from asking import answers, lacks
from durable_workflow import Client, Worker, __version__
from durable_workflow.client import WorkflowHandle
from stage import SECONDS_MAX, Facts, Failures, Stage
from steps import all_of_them

SLOTS = 60
# Few enough that a slow machine answers each of them in time.
SCENES_AT_ONCE = 12
# These take their time whatever the machine; the one with many runs comes last, by itself.
LONG = ("heartbeat", "replaced_within", "replaced_between", "select", "silent", "too_long")
CROWD = "many"


class Drive:
    """Every capability of one release, some of them at the same time."""

    def __init__(self, client: Client, queue: str, orphans: dict[str, Facts]) -> None:
        self._stage = Stage(client, queue)
        self._orphans = orphans
        self._room = asyncio.Semaphore(SCENES_AT_ONCE)

    async def all(self) -> dict[str, Facts]:
        """What came of each capability."""
        lacking = answers()
        names = sorted(lacking, key=lambda name: name not in LONG)
        able = [name for name in names if not lacking[name] and name != CROWD]
        seen = await asyncio.gather(*[self._one(name) for name in able])
        crowd = await self._one(CROWD)
        without = {name: {"lacks": ask} for name, ask in lacking.items() if ask}
        return {**without, **dict(zip(able, seen, strict=True)), CROWD: crowd}

    async def _one(self, name: str) -> Facts:
        async with self._room:
            try:
                async with asyncio.timeout(SECONDS_MAX):
                    return await self._scene(name)
            except Failures:
                return {"error": traceback.format_exc()}

    async def _scene(self, name: str) -> Facts:
        if name in self._orphans:
            left = self._orphans[name]
            return await self._stage.end(
                WorkflowHandle(self._stage.client, left["workflow_id"], left["run_id"])
            )
        return await scene(name)(self._stage)


def scene(name: str) -> Callable[[Stage], Any]:
    """What a client does for a capability."""
    if hasattr(scenes, name):
        return getattr(scenes, name)
    import messages

    return getattr(messages, name)


def workflows() -> list[type]:
    """Every workflow that this release can express."""
    found = [*definitions.WORKFLOWS, *lineage.WORKFLOWS]
    if not lacks("workflow.signal"):
        import receivers

        found += receivers.WORKFLOWS
    return found


def worker_of(client: Client, queue: str) -> Worker:
    """A worker with room for everything at once."""
    return Worker(
        client,
        task_queue=queue,
        workflows=workflows(),
        activities=list(all_of_them()),
        max_concurrent_workflow_tasks=SLOTS,
        max_concurrent_activity_tasks=SLOTS,
    )


async def main(url: str, token: str, queue: str, orphans: str) -> None:
    async with Client(url, token=token) as client:
        working = asyncio.create_task(worker_of(client, queue).run())
        driving = asyncio.create_task(Drive(client, queue, json.loads(orphans)).all())
        await asyncio.wait({working, driving}, return_when=asyncio.FIRST_COMPLETED)
        if not driving.done():
            await working
            raise SystemExit("the worker ended by itself")
        print(json.dumps({"version": __version__, "seen": await driving}), flush=True)
        # A worker's own goodbye may last as long as its poll; nothing here waits for it.
        os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
