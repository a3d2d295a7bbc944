"""Start one workflow: `start.py URL TOKEN QUEUE TYPE ID ARGUMENTS`, arguments as a JSON list."""

import asyncio
import json
import sys

from durable_workflow import Client


async def main(url: str, token: str, queue: str, workflow_type: str, *rest: str) -> None:
    workflow_id, arguments = rest
    async with Client(url, token=token) as client:
        handle = await client.start_workflow(
            workflow_type=workflow_type,
            task_queue=queue,
            workflow_id=workflow_id,
            input=json.loads(arguments),
        )
        print(handle.run_id)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
