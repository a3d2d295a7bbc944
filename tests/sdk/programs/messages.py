"""What a client does for each capability that concerns signals, queries and updates."""

import asyncio
from typing import Any

from durable_workflow import Worker
from receivers import VALIDATED
from scenes import chain
from stage import Facts, Stage, attempt

LETTERS = ["a", {"b": 2}, "ç"]
TO_THE_END = {"wait_for": "completed", "wait_timeout_seconds": 30}
BURST = 30


async def signal(stage: Stage) -> Facts:
    handle = await _waiting(stage, "mailbox", len(LETTERS))
    for letter in LETTERS:
        await handle.signal("post", [letter])
    return await stage.end(handle)


async def burst(stage: Stage) -> Facts:
    handle = await _waiting(stage, "mailbox", BURST)
    await asyncio.gather(*[handle.signal("post", [number]) for number in range(BURST)])
    return await stage.end(handle)


async def rounds(stage: Stage) -> Facts:
    handle = await stage.start("rounds", 3)
    for number in range(3):
        await stage.until_event(handle, "ConditionWaitOpened", number + 1)
        await handle.signal("bell")
    return await stage.end(handle)


async def unsatisfied(stage: Stage) -> Facts:
    handle = await _waiting(stage, "waits_so_long", 2, 2)
    await handle.signal("post", ["a"])
    return await stage.end(handle)


async def early_signal(stage: Stage) -> Facts:
    handle = await stage.start("late_reader", len(LETTERS))
    await handle.signal("post", [LETTERS[0]])
    await stage.until_event(handle, "ActivityScheduled")
    for letter in LETTERS[1:]:
        await handle.signal("post", [letter])
    return await stage.end(handle)


async def wait_timeout(stage: Stage) -> Facts:
    return await stage.run("impatient", 2)


async def query(stage: Stage) -> Facts:
    handle = await _waiting(stage, "mailbox", 2)
    facts: Facts = {"before": await handle.query("letters")}
    await handle.signal("post", ["a"])
    facts["after"] = await handle.query("count", [10])
    await handle.signal("post", ["b"])
    ended = await stage.end(handle)
    return {**ended, **facts, "closed": await handle.query("letters")}


async def unknown_query(stage: Stage) -> Facts:
    handle = await _waiting(stage, "mailbox", 1)
    return await attempt(handle.query("no_such_query"))


async def update(stage: Stage) -> Facts:
    handle = await _waiting(stage, "mailbox", 2)
    first = await handle.update("add", ["a"], **TO_THE_END)
    await handle.update("add", ["b"], wait_for="accepted")
    return {**await stage.end(handle), "update": first}


async def failed_update(stage: Stage) -> Facts:
    handle = await _waiting(stage, "mailbox", 1)
    failed = await attempt(handle.update("add", [None], **TO_THE_END))
    await handle.update("add", ["b"], **TO_THE_END)
    return {**await stage.end(handle), "update": failed}


async def validated_update(stage: Stage) -> Facts:
    apart = Stage(stage.client, f"{stage.queue}-validated")
    worker = Worker(stage.client, task_queue=apart.queue, workflows=VALIDATED)
    working = asyncio.create_task(worker.run())
    seen = asyncio.create_task(_refused_by_validator(apart))
    done, _ = await asyncio.wait({working, seen}, return_when=asyncio.FIRST_COMPLETED)
    if working in done:
        seen.cancel()
        await working
    working.cancel()
    return await seen


async def _refused_by_validator(stage: Stage) -> Facts:
    handle = await _waiting(stage, "strict", 5)
    refused = await attempt(handle.update("add", ["five"], **TO_THE_END))
    passed = await handle.update("add", [5], **TO_THE_END)
    return {**await stage.end(handle), "refused": refused, "passed": passed}


async def carried_signal(stage: Stage) -> Facts:
    handle = await stage.start("relay", 5, [])
    for number in range(5):
        await stage.client.signal_workflow(handle.workflow_id, "post", args=[number])
        await asyncio.sleep(0.1)
    return await chain(stage, handle)


async def message_stream(stage: Stage) -> Facts:
    handle = await stage.start("streamed", len(LETTERS), [])
    for number, letter in [*enumerate(LETTERS), (0, LETTERS[0])]:
        await stage.client.append_message_stream(
            handle.workflow_id, "inbox", message_id=f"m{number}", args=[letter]
        )
    return await chain(stage, handle)


async def _waiting(stage: Stage, workflow_type: str, *arguments: Any) -> Any:
    """A workflow that has opened its wait."""
    handle = await stage.start(workflow_type, *arguments)
    await stage.until_event(handle, "ConditionWaitOpened")
    return handle
