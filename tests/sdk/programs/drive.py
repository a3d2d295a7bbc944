"""A client of the official SDK: `drive.py URL TOKEN QUEUE` runs every program at once.

Prints one JSON object: for each program the result, or the failure as the SDK shows it; with the
workflow id, so that the test can read the history; and what this release can express.
"""

import asyncio
import json
import sys
import uuid
from typing import Any

from definitions import can
from durable_workflow import Client, WorkflowFailed, __version__, errors

SECONDS_MAX = 180.0
MANY = 50


class Programs:
    """The client of one run, and the queue that its worker polls."""

    def __init__(self, client: Client, queue: str) -> None:
        self.client = client
        self.queue = queue

    async def run(self, workflow_type: str, *arguments: Any) -> dict[str, Any]:
        """Start a workflow and wait for its end, however it ends."""
        workflow_id = f"{workflow_type}-{uuid.uuid4().hex}"
        handle = await self.client.start_workflow(
            workflow_type=workflow_type,
            task_queue=self.queue,
            workflow_id=workflow_id,
            input=list(arguments),
        )
        facts: dict[str, Any] = {"workflow_id": workflow_id, "run_id": handle.run_id}
        try:
            facts["result"] = await handle.result(poll_interval=0.2, timeout=SECONDS_MAX)
        except WorkflowFailed as failure:
            facts["failed"] = {"class": failure.exception_class, "message": str(failure)}
        except Exception as failure:
            facts["error"] = f"{type(failure).__name__}: {failure}"
        facts["status"] = (await handle.describe()).status
        return facts

    async def many(self) -> dict[str, Any]:
        """The same workflow many times at once."""
        runs = [self.run("hello", f"n{number}") for number in range(MANY)]
        return {"runs": await asyncio.gather(*runs)}

    async def twice(self) -> dict[str, Any]:
        """A second start of a workflow id that is held."""
        workflow_id = f"held-{uuid.uuid4().hex}"
        start = {"workflow_type": "timer", "task_queue": self.queue, "workflow_id": workflow_id}
        await self.client.start_workflow(**start, input=[600], duplicate_policy="fail")
        try:
            await self.client.start_workflow(**start, input=[600], duplicate_policy="fail")
        except Exception as failure:
            return {"raised": type(failure).__name__}
        return {"raised": None}

    async def unknown(self) -> dict[str, Any]:
        """A workflow that does not exist."""
        try:
            await self.client.describe_workflow("workflow-that-never-was")
        except Exception as failure:
            return {"raised": type(failure).__name__}
        return {"raised": None}


async def main(url: str, token: str, queue: str) -> None:
    async with Client(url, token=token) as client:
        programs = Programs(client, queue)
        running = {
            "hello": programs.run("hello", "wörld \u2603"),
            "sequence": programs.run("sequence", 1, 5),
            "parallel": programs.run("parallel", ["a", "b", "c", "d"]),
            "timer": programs.run("timer", 2),
            "retry": programs.run("retry"),
            "failure": programs.run("failure", "the order is empty"),
            "broken": programs.run("broken", "nothing there"),
            "heartbeat": programs.run("heartbeat"),
            "side_effect": programs.run("side_effect"),
            "many": programs.many(),
            "twice": programs.twice(),
            "unknown": programs.unknown(),
        }
        if hasattr(errors, "ActivityFailed"):
            running["caught"] = programs.run("caught", "the order is empty")
        answers = await asyncio.gather(*running.values())
    facts = dict(zip(running, answers, strict=True))
    options = ("retry_policy", "heartbeat_timeout")
    facts["release"] = {
        "version": __version__,
        "can": [option for option in options if can(option)],
        "sees_activity_failures": hasattr(errors, "ActivityFailed"),
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
