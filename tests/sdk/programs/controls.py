"""Every control call of a release: `controls.py URL TOKEN QUEUE`, in a namespace of that name.

The same story is told with the asynchronous client and with the blocking one. Prints one JSON
object: what this release offers, what came of each method, and the steps that went wrong.
"""

import asyncio
import json
import os
import sys
import traceback
from typing import Any

import control_left_out  # noqa: F401
import listener
from calling import Calls, offered
from control_steps import BUILD, built_queue
from control_story import STEPS, Absent, Story
from durable_workflow import Client, __version__, sync
from stage import Failures

Facts = dict[str, Any]
NAMES = ("async", "sync")


async def told(story: Story) -> list[str]:
    """Carry out every step; the tracebacks of those that went wrong."""
    wrong = []
    for step in STEPS:
        try:
            await step(story)
        except Absent:
            continue
        except (*Failures, AssertionError):
            wrong.append(f"{story.name}, {step.__name__}: {traceback.format_exc()}")
    return wrong


async def all_at_once(url: str, token: str, queue: str, calls: Calls) -> list[str]:
    """The story of the asynchronous client."""
    async with Client(url, token=token) as plain:
        await plain.create_namespace(queue)
    async with Client(url, token=token, namespace=queue) as client:
        calls.watch()
        listener.work(url, token, queue, queue)
        for name in NAMES:
            listener.work(url, token, queue, built_queue(queue, name), build_id=BUILD)
        wrong = await told(Story(client, queue, NAMES[0]))
        await client.aclose()
    return wrong


def one_by_one(url: str, token: str, queue: str) -> list[str]:
    """The story of the blocking client, whose calls never wait within a loop of ours."""
    with sync.Client(url, token=token, namespace=queue) as client:
        story = told(Story(client, queue, NAMES[1]))
        try:
            story.send(None)
        except StopIteration as end:
            wrong: list[str] = end.value
            client.close()
            return wrong
    raise AssertionError("the story of the blocking client waited")


def main(url: str, token: str, queue: str) -> None:
    calls = Calls()
    names = offered()
    wrong = asyncio.run(all_at_once(url, token, queue, calls))
    wrong += one_by_one(url, token, queue)
    facts: Facts = {"version": __version__, "offered": names, "came_of": calls.came_of}
    print(json.dumps({**facts, "wrong": wrong}), flush=True)
    # The worker's own goodbye may last as long as its poll; nothing here waits for it.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
