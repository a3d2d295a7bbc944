"""A worker of the official SDK: `work.py URL TOKEN QUEUE` works until it is asked to stop."""

import asyncio
import signal
import sys

from definitions import ACTIVITIES, WORKFLOWS
from durable_workflow import Client, Worker


async def main(url: str, token: str, queue: str) -> None:
    async with Client(url, token=token) as client:
        worker = Worker(client, task_queue=queue, workflows=WORKFLOWS, activities=ACTIVITIES)
        running = asyncio.create_task(worker.run())
        asked = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
        waiting = asyncio.create_task(asked.wait())
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            await running
            raise SystemExit("the worker ended by itself")
        await worker.stop()
        running.cancel()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
