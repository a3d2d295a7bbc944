"""The client of the official SDK on one task queue: starts programs and tells what it saw."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from durable_workflow import Client, errors

SECONDS_MAX = 150.0
LOOK_SECONDS = 1.0

Facts = dict[str, Any]
# A cancelled workflow is told by what is no `Exception` in the 2.x releases.
Failures = (Exception, errors.WorkflowCancelled)


class Stage:
    """Starts workflows on one queue, and says what a client of this release learns of them."""

    def __init__(self, client: Client, queue: str) -> None:
        self.client = client
        self.queue = queue

    async def start(self, workflow_type: str, *arguments: Any, **options: Any) -> Any:
        """A handle of a new workflow."""
        options.setdefault("task_queue", self.queue)
        options.setdefault("workflow_id", f"{workflow_type}-{uuid.uuid4().hex}")
        return await self.client.start_workflow(
            workflow_type=workflow_type, input=list(arguments), **options
        )

    async def run(self, workflow_type: str, *arguments: Any, **options: Any) -> Facts:
        """Start a workflow and wait for its end, however it ends."""
        return await self.end(await self.start(workflow_type, *arguments, **options))

    async def end(self, handle: Any) -> Facts:
        """Wait for the end of a workflow; its result or its failure as this release shows it."""
        facts: Facts = {"workflow_id": handle.workflow_id, "run_id": handle.run_id}
        try:
            facts["result"] = await handle.result(poll_interval=LOOK_SECONDS, timeout=SECONDS_MAX)
        except Failures as failure:
            facts.update(raised(failure))
        facts["status"] = (await handle.describe()).status
        return facts

    async def events(self, handle: Any, run_id: str | None = None) -> list[Facts]:
        """The history of a run, as this release reads it."""
        answer = await self.client.get_history(handle.workflow_id, run_id or handle.run_id)
        events: list[Facts] = answer["events"]
        return events

    async def until_event(self, handle: Any, event_type: str, number: int = 1) -> Facts:
        """An event of a type in the history of a run, by default the first, once it is there."""

        async def seen() -> Facts | None:
            events = [
                event for event in await self.events(handle) if event["event_type"] == event_type
            ]
            return events[number - 1] if len(events) >= number else None

        return await until(seen, event_type)


async def until(look: Callable[[], Awaitable[Any]], what: str) -> Any:
    """What `look` finds, as soon as it finds something."""
    deadline = asyncio.get_running_loop().time() + SECONDS_MAX
    while True:
        found = await look()
        if found:
            return found
        if asyncio.get_running_loop().time() > deadline:
            raise TimeoutError(f"not within {SECONDS_MAX} s: {what}")
        await asyncio.sleep(LOOK_SECONDS)


async def attempt(doing: Awaitable[Any]) -> Facts:
    """What came of an attempt: its answer, or what this release raised."""
    try:
        return {"answer": await doing}
    except Failures as failure:
        return raised(failure)


def raised(failure: BaseException) -> Facts:
    """An exception of this release as facts; its class without the module that some put before."""
    shown = getattr(failure, "exception_class", None) or ""
    return {
        "raised": type(failure).__name__,
        "message": str(failure),
        "class": shown.rpartition(".")[2],
    }
