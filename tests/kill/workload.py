"""Clients and workers that go on while their server is killed and started again under them.

Each workflow records a side effect and runs two activities side by side, sleeps for a moment, has a
child that continues as new once, and completes. Everything that the server acknowledged is
remembered, to be looked for afterwards.
"""

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

QUEUE = "killed"
ACTIVITIES = 2
WORKERS = 3
STARTERS = 3
# What a worker may be told whose lease ended while the server was away; it drops the task.
LOST = frozenset(
    {
        "attempt_not_found",
        "lease_expired",
        "lease_owner_mismatch",
        "run_closed",
        "stale_attempt",
        "task_not_leased",
        "workflow_task_attempt_mismatch",
    }
)
CHILD_TYPE = "leg"
COMPLETE = {"type": "complete_workflow", "result": {"codec": "json", "blob": '"there"'}}
WORKER_HEADERS = {"X-Durable-Workflow-Protocol-Version": "1.20"}


@dataclass
class Acknowledged:
    """What the server said it has done: workflow ids, side effects, results of activities."""

    started: set[str] = field(default_factory=set)
    side_effects: dict[str, str] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)
    completed: set[str] = field(default_factory=set)


class Workload:
    """Threads that start workflows and carry them out until told to stop."""

    def __init__(self, new_client: Callable[..., httpx.Client]) -> None:
        self.acknowledged = Acknowledged()
        self.surprises: list[str] = []
        self._new_client = new_client
        self._names = itertools.count()
        self._wanted = threading.Semaphore(0)
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(job, number), daemon=True)
            for job, count in (
                (self._start_workflows, STARTERS),
                (self._do_workflow_tasks, WORKERS),
                (self._do_activities, WORKERS),
            )
            for number in range(count)
        ]

    def begin(self) -> None:
        """Start the threads; nothing is started until it is wanted."""
        for thread in self._threads:
            thread.start()

    def want(self, count: int) -> None:
        """Have this many more workflows started."""
        for _ in range(count):
            self._wanted.release()

    def end(self) -> None:
        """Stop, and wait until every thread has."""
        self._stopping.set()
        self.want(STARTERS)
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive(), "a thread of the workload hangs"

    def _run(self, job: Callable[[httpx.Client, int], None], number: int) -> None:
        with self._new_client(**WORKER_HEADERS) as client:
            try:
                job(client, number)
            except Exception as error:
                self.surprises.append(repr(error))

    def _start_workflows(self, client: httpx.Client, number: int) -> None:
        while self._wanted.acquire() and not self._stopping.is_set():
            workflow_id = f"killed-{next(self._names)}"
            body = {"workflow_id": workflow_id, "workflow_type": "trip", "task_queue": QUEUE}
            # A start whose answer was lost is found to be a duplicate: it was recorded.
            reply = self._send(client, "/workflows", body, allowed={"duplicate_not_allowed"})
            if reply is not None:
                self.acknowledged.started.add(workflow_id)

    def _do_workflow_tasks(self, client: httpx.Client, number: int) -> None:
        for task in self._tasks(client, "workflow", f"w{number}"):
            commands = next_commands(task)
            body = {
                "lease_owner": task["lease_owner"],
                "workflow_task_attempt": task["workflow_task_attempt"],
                "commands": commands,
            }
            path = f"/worker/workflow-tasks/{task['task_id']}/complete"
            reply = self._send(client, path, body, allowed=LOST)
            if reply is not None and reply.get("recorded") and task["workflow_type"] != CHILD_TYPE:
                self._note(task["workflow_id"], commands)

    def _do_activities(self, client: httpx.Client, number: int) -> None:
        for task in self._tasks(client, "activity", f"a{number}"):
            attempt = task["activity_attempt_id"]
            body = {
                "activity_attempt_id": attempt,
                "lease_owner": task["lease_owner"],
                "result": {"codec": "json", "blob": f'"{attempt}"'},
            }
            path = f"/worker/activity-tasks/{task['task_id']}/complete"
            reply = self._send(client, path, body, allowed=LOST)
            if reply is not None and reply.get("recorded"):
                self.acknowledged.results[task["activity_execution_id"]] = f'"{attempt}"'

    def _note(self, workflow_id: str, commands: list[dict[str, Any]]) -> None:
        first = commands[0]
        if first["type"] == "record_side_effect":
            self.acknowledged.side_effects[workflow_id] = first["result"]
        if first["type"] == "complete_workflow":
            self.acknowledged.completed.add(workflow_id)

    def _tasks(self, client: httpx.Client, kind: str, worker_id: str) -> Any:
        """Register once, then every task that this worker is given."""
        place = {"worker_id": worker_id, "task_queue": QUEUE}
        self._send(client, "/worker/register", {**place, "runtime": "python"}, allowed=frozenset())
        while not self._stopping.is_set():
            reply = self._send(client, f"/worker/{kind}-tasks/poll", place, allowed=frozenset())
            if reply is not None and reply["task"] is not None:
                yield reply["task"]

    def _send(
        self, client: httpx.Client, path: str, body: dict[str, Any], *, allowed: Any
    ) -> dict[str, Any] | None:
        """Send until there is an answer; None when it was refused as allowed, or at the end."""
        while not self._stopping.is_set():
            try:
                reply = client.post(path, json=body)
            except httpx.TransportError:
                self._stopping.wait(0.02)
                continue
            if reply.status_code == 503:
                self._stopping.wait(0.05)
                continue
            answer: dict[str, Any] = reply.json()
            if reply.is_success:
                return answer
            if answer.get("reason") in allowed:
                return answer if path == "/workflows" else None
            self.surprises.append(f"{path}: {reply.status_code} {reply.text[:300]}")
            return None
        return None


def next_commands(task: dict[str, Any]) -> list[dict[str, Any]]:
    """What the code of the workflow does after this history."""
    types = [event["event_type"] for event in task["history_events"]]
    if task["workflow_type"] == CHILD_TYPE:
        continued = "continued_from_run_id" in task["history_events"][0]["payload"]
        return [COMPLETE if continued else {"type": "continue_as_new"}]
    if "ChildRunCompleted" in types:
        return [COMPLETE]
    if "TimerFired" in types:
        return [{"type": "start_child_workflow", "workflow_type": CHILD_TYPE}]
    if "ActivityCompleted" in types:
        return [{"type": "start_timer", "delay_seconds": 0}]
    # Each attempt records another text, so that a history tells whose completion it holds.
    chance = f'"{task["task_id"]}.{task["workflow_task_attempt"]}"'
    activity = {"type": "schedule_activity", "activity_type": "ride", "arguments": "[]"}
    return [{"type": "record_side_effect", "result": chance}, *[activity] * ACTIVITIES]
