"""Wait for a workflow: `result.py URL TOKEN ID RUN` prints its end as JSON."""

import asyncio
import json
import sys
from typing import Any

from durable_workflow import Client, WorkflowFailed
from durable_workflow.client import WorkflowHandle


async def main(url: str, token: str, workflow_id: str, run_id: str) -> None:
    async with Client(url, token=token) as client:
        handle = WorkflowHandle(client, workflow_id, run_id)
        facts: dict[str, Any] = {}
        try:
            facts["result"] = await handle.result(poll_interval=0.2, timeout=90.0)
        except WorkflowFailed as failure:
            facts["failed"] = {"class": failure.exception_class, "message": str(failure)}
        facts["status"] = (await handle.describe()).status
        print(json.dumps(facts))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
