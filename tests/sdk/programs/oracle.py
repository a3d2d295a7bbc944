"""Runs generated programs and judges their histories: `oracle.py URL TOKEN QUEUE`.

Reads one JSON list of programs per line, carries them out at once with a worker of this release,
sends letters meanwhile, and answers with one JSON object per line: the number of tasks that were
judged, and everything that was wrong.
"""

import asyncio
import json
import os
import sys
import uuid
from typing import Any

from durable_workflow import Client, Worker
from generated import Generated, answer, stumble
from replaying import Event, Run, Witness, types, verdicts

SLOTS = 60
LETTER_SECONDS = 0.4
PROGRAM_SECONDS_MAX = 90.0
CHILD = "ChildWorkflowScheduled"


class Oracle:
    """One worker that carries out programs, and what its replayer says about the outcome."""

    def __init__(self, client: Client, queue: str, witness: Witness) -> None:
        self._client = client
        self._queue = queue
        self._witness = witness

    async def judge(self, programs: list[Any]) -> dict[str, Any]:
        """Carry out programs at once; everything that their histories get wrong."""
        judged = await asyncio.gather(*[self._judge(program) for program in programs])
        return {
            "tasks": sum(tasks for tasks, _ in judged),
            "wrong": [verdict for _, wrong in judged for verdict in wrong],
        }

    async def _judge(self, program: Any) -> tuple[int, list[str]]:
        """How many tasks a program took, and what is wrong about their histories."""
        workflow_id = f"generated-{uuid.uuid4().hex}"
        await self._client.start_workflow(
            workflow_type="generated",
            task_queue=self._queue,
            workflow_id=workflow_id,
            input=[program["steps"], []],
        )
        late = []
        try:
            async with asyncio.timeout(PROGRAM_SECONDS_MAX):
                await self._send_letters(workflow_id, program["updates"])
        except TimeoutError:
            late = [f"{workflow_id} has not closed"]
        runs = await self._family(workflow_id)
        wrong = late or [verdict for run in runs for verdict in told(run)]
        shown = [f"{verdict} of {json.dumps(program)}" for verdict in wrong]
        return sum(len(run.tasks) for run in runs), shown

    async def _send_letters(self, workflow_id: str, updates: list[str]) -> None:
        """Signals, and an update now and then, until the workflow has closed."""
        left, number = list(updates), 0
        while (await self._client.describe_workflow(workflow_id)).status in (
            "pending",
            "running",
            "waiting",
        ):
            number += 1
            try:
                if left:
                    await self._client.update_workflow(
                        workflow_id, "add", args=[left.pop()], wait_for="accepted"
                    )
                await self._client.signal_workflow(workflow_id, "post", args=[number])
            except Exception as refused:
                # It closed meanwhile, or the update's handler refused the letter.
                print(f"{workflow_id}: {refused}", file=sys.stderr)
            await asyncio.sleep(LETTER_SECONDS)

    async def _family(self, workflow_id: str) -> list[Run]:
        """All runs of a workflow and of its children, who have ended before it."""
        listed = (await self._client.list_workflow_runs(workflow_id)).runs
        runs = [await self._run(workflow_id, item.run_id) for item in listed]
        born = [e["payload"] for r in runs for e in r.history if e["event_type"] == CHILD]
        for child in born:
            runs += await self._family(child["child_workflow_instance_id"])
        return runs

    async def _run(self, workflow_id: str, run_id: str) -> Run:
        history: list[Event] = (await self._client.get_history(workflow_id, run_id))["events"]
        return Run(workflow_id, run_id, self._queue, history, self._witness.tasks.pop(run_id, []))


def told(run: Run) -> list[str]:
    """The verdicts on a run; a replayer that gives up is one."""
    try:
        return [f"{run.workflow_id}: {verdict}" for verdict in verdicts(run)]
    except Exception as failure:
        return [f"{run.workflow_id}: {failure!r} on {types(run.history)}"]


async def main(url: str, token: str, queue: str) -> None:
    async with Client(url, token=token) as client:
        witness = Witness()
        worker = Worker(
            client,
            task_queue=queue,
            workflows=[Generated],
            activities=[answer, stumble],
            max_concurrent_workflow_tasks=SLOTS,
            max_concurrent_activity_tasks=SLOTS,
            interceptors=[witness],
        )
        working = asyncio.create_task(worker.run())
        oracle = Oracle(client, queue, witness)
        while line := await asyncio.to_thread(sys.stdin.readline):
            assert not working.done(), "the worker ended by itself"
            print(json.dumps(await oracle.judge(json.loads(line))), flush=True)
        os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
