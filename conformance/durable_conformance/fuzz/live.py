"""Things that exist on a server, and requests pointed at them."""

import uuid
from typing import Any

import httpx
from durable_contracts.versions import (
    CONTROL_HEADER,
    CONTROL_VERSION,
    WORKER_HEADER,
    WORKER_VERSION,
)

from durable_conformance.target import Target
from durable_conformance.verdict import Undecided

WORKER = "fuzz-worker"
QUEUE = "fuzz-queue"
ANSWER_SECONDS_MAX = 75


def headers_of(target: Target, plane: str) -> dict[str, str]:
    """What a caller of a plane sends beside what the contract says of an operation."""
    role = "worker" if plane == "worker" else "admin"
    secret = target.credential(role) or target.credential("operator")
    return {"Authorization": f"Bearer {secret}"} if secret else {}


class Live:
    """Makes runs and leased tasks on a server, each for one generated request."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.url = target.url
        self.namespace = target.namespace
        self._client = httpx.Client(base_url=f"{target.url}/api", timeout=ANSWER_SECONDS_MAX)

    def aim(self, operation_id: str, path: dict[str, Any], body: Any) -> None:
        """Put names of things that exist into the path and the body of a request."""
        names = self._names(operation_id)
        for name in path:
            path[name] = names.get(name, path[name])
        if isinstance(body, dict):
            body.update({name: value for name, value in names.items() if name in body})

    def _names(self, operation_id: str) -> dict[str, Any]:
        stem, _, name = operation_id.partition(".")
        if operation_id == "workflows.start":
            return {"workflow_id": f"fuzz-{uuid.uuid4().hex}"}
        if name.startswith("archive"):
            return self.closed_run()
        if stem in ("workflows", "history", "runs", "debug", "signals", "updates"):
            return self._run()
        if name == "poll" or operation_id in ("workers.heartbeat", "workers.deregister"):
            return self._worker(WORKER)
        if stem == "workflow_tasks":
            return self._workflow_task()
        if stem == "activity_tasks":
            return self._activity_task()
        return {"name": "default"} if stem == "namespaces" and name != "create" else {}

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        plane = "worker" if path.startswith("/worker/") else "control"
        headers = {
            **headers_of(self.target, plane),
            CONTROL_HEADER: CONTROL_VERSION,
            WORKER_HEADER: WORKER_VERSION,
            "X-Namespace": self.namespace,
        }
        answer = self._client.post(path, json=body, headers=headers)
        if answer.status_code >= 300:
            raise Undecided(f"{path} answers {answer.status_code}: {answer.text[:200]}")
        return answer.json()

    def _run(self, queue: str = "nobody-polls-this") -> dict[str, Any]:
        started = self._post("/workflows", {"workflow_type": "fuzz", "task_queue": queue})
        return {name: started[name] for name in ("workflow_id", "run_id")}

    def closed_run(self) -> dict[str, Any]:
        """The names of a run that has ended."""
        names = self._run()
        self._post(f"/workflows/{names['workflow_id']}/terminate", {})
        return names

    def _worker(self, worker_id: str) -> dict[str, Any]:
        names = {"worker_id": worker_id, "task_queue": QUEUE}
        self._post("/worker/register", {**names, "runtime": "python"})
        return {**names, "build_id": None, "timeout_seconds": 0}

    def _lease(self, kind: str) -> Any:
        where = {"worker_id": WORKER, "task_queue": QUEUE, "timeout_seconds": 5}
        return self._post(f"/worker/{kind}-tasks/poll", where)["task"]

    def _workflow_task(self) -> dict[str, Any]:
        self._worker(WORKER)
        self._run(QUEUE)
        task = self._lease("workflow")
        return {name: task[name] for name in ("task_id", "lease_owner", "workflow_task_attempt")}

    def offer(self, operation_id: str) -> None:
        """Put a task where a poll will find it."""
        if operation_id == "workflow_tasks.poll":
            self._run(QUEUE)
        elif operation_id == "activity_tasks.poll":
            self._schedule()

    def _schedule(self) -> None:
        task = self._workflow_task()
        command = {"type": "schedule_activity", "activity_type": "fuzz", "queue": QUEUE}
        task_id = task.pop("task_id")
        self._post(f"/worker/workflow-tasks/{task_id}/complete", {**task, "commands": [command]})

    def _activity_task(self) -> dict[str, Any]:
        self._schedule()
        leased = self._lease("activity")
        return {name: leased[name] for name in ("task_id", "lease_owner", "activity_attempt_id")}
