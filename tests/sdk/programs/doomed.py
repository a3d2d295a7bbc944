"""A worker that is lost: `doomed.py URL TOKEN QUEUE MARKER` starts two runs and kills itself.

One run is between two steps, one in the middle of an activity. Prints both as JSON before.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from drive import worker_of
from durable_workflow import Client
from stage import Stage, until


async def main(url: str, token: str, queue: str, marker: str) -> None:
    async with Client(url, token=token) as client:
        stage = Stage(client, queue)
        working = asyncio.create_task(worker_of(client, queue).run())
        between = await stage.start("takeover", 3)
        within = await stage.start("abandoned", marker)
        await stage.until_event(between, "TimerScheduled")
        await until(lambda: _held(marker), "the activity holds")
        assert not working.done()
        runs = {"replaced_between": between, "replaced_within": within}
        told = {n: {"workflow_id": h.workflow_id, "run_id": h.run_id} for n, h in runs.items()}
        print(json.dumps(told), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)


async def _held(marker: str) -> bool:
    return Path(marker).exists()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
