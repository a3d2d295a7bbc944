"""What commands are run against: a real server, things to name, and a worker that answers."""

import itertools
import json
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from tests.support.server_process import TOKEN, ServerProcess

Body = dict[str, Any]
ANSWERED = "answered"
POLL_SECONDS = 2


class World:
    """A server and what is in it; every thing that is asked for is a new one."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self._numbers = itertools.count(1)
        self._client = server.client()
        self._worker = server.client(**{"X-Durable-Workflow-Protocol-Version": "1.20"})

    def close(self) -> None:
        """Close what is open."""
        self._client.close()
        self._worker.close()

    def name(self, what: str) -> str:
        """A name that nothing else has."""
        return f"{what}-{next(self._numbers)}"

    def post(self, path: str, body: Any = None) -> Body:
        """What a request of a client is answered."""
        return _told(self._client.post(path, json=body if body is not None else {}))

    def put(self, path: str, body: Any) -> Body:
        """What a change is answered."""
        return _told(self._client.put(path, json=body))

    def get(self, path: str) -> Body:
        """What a client reads."""
        return _told(self._client.get(path))

    def open(self, queue: str = "nobody", **more: Any) -> Body:
        """A workflow that nobody works on."""
        body = {"workflow_type": "t", "workflow_id": self.name("open"), "task_queue": queue}
        return self.post("/workflows", {**body, **more})

    def closed(self) -> Body:
        """A workflow that was terminated."""
        run = self.open()
        self.post(f"/workflows/{run['workflow_id']}/terminate", {"reason": "enough"})
        return run

    def completed(self) -> Body:
        """A workflow that a worker has completed."""
        queue = self.name("queue")
        self.worker(queue)
        run = self.open(queue)
        self.complete(queue, [{"type": "complete_workflow", "result": _encoded("done")}])
        return run

    def worker(self, queue: str, build_id: str | None = None) -> str:
        """A worker of a task queue."""
        named = {"worker_id": f"worker-of-{queue}", "task_queue": queue, "runtime": "python"}
        body = {**named, "supported_workflow_types": ["t"], "build_id": build_id}
        self.told("/register", body)
        return named["worker_id"]

    def complete(self, queue: str, commands: list[Body]) -> None:
        """Complete the next workflow task of a queue with these commands."""
        task = self._polled("workflow", queue)
        assert task is not None
        self._complete(task, commands)

    def told(self, path: str, body: Body) -> Body:
        """What a request of a worker is answered."""
        return _told(self._worker.post(f"/worker{path}", json=body))

    def exported(self, folder: Path) -> Path:
        """A file with an exported run."""
        run = self.closed()
        address = f"/workflows/{run['workflow_id']}/runs/{run['run_id']}/history/export"
        file = folder / f"{run['run_id']}.json"
        file.write_bytes(self._client.get(address).content)
        return file

    def schedule(self) -> str:
        """A schedule that fires once a year."""
        named = self.name("schedule")
        spec = {"cron_expressions": ["0 0 1 1 *"]}
        action = {"workflow_type": "t", "task_queue": "nobody"}
        self.post("/schedules", {"schedule_id": named, "spec": spec, "action": action})
        return named

    def answer_for_ever(self) -> None:
        """Answer the queries and carry out the updates of a queue until the server has ended."""
        self.worker(ANSWERED)
        for answer in (self._answer_queries, self._carry_out):
            threading.Thread(target=answer, daemon=True).start()

    def _answer_queries(self) -> None:
        with suppress(httpx.TransportError, RuntimeError):
            while True:
                if task := self._polled("query", ANSWERED):
                    lease = {name: task[name] for name in ("lease_owner", "query_task_attempt")}
                    report = {**lease, "result": {"answer": task["query_name"]}}
                    self.told(f"/query-tasks/{task['query_task_id']}/complete", report)

    def _carry_out(self) -> None:
        with suppress(httpx.TransportError, RuntimeError):
            while True:
                if task := self._polled("workflow", ANSWERED):
                    update = task.get("workflow_update_id")
                    done = {
                        "type": "complete_update",
                        "update_id": update,
                        "result": _encoded("made it"),
                    }
                    self._complete(task, [done] if update else [])

    def _polled(self, kind: str, queue: str) -> Body | None:
        body = {"worker_id": f"worker-of-{queue}", "task_queue": queue}
        path = f"/{kind}-tasks/poll"
        task: Body | None = self.told(path, {**body, "timeout_seconds": POLL_SECONDS})["task"]
        return task

    def _complete(self, task: Body, commands: list[Body]) -> None:
        lease = {name: task[name] for name in ("lease_owner", "workflow_task_attempt")}
        path = f"/workflow-tasks/{task['task_id']}/complete"
        self.told(path, {**lease, "commands": commands})


def variables(server: ServerProcess, home: Path) -> dict[str, str]:
    """The environment in which a command finds a server, and no profile of ours."""
    return {
        "DW_CONFIG_HOME": str(home),
        "DURABLE_WORKFLOW_SERVER_URL": server.url,
        "DURABLE_WORKFLOW_AUTH_TOKEN": TOKEN,
    }


def _encoded(value: str) -> Body:
    return {"codec": "json", "blob": json.dumps(value)}


def _told(answer: httpx.Response) -> Body:
    assert answer.is_success, answer.text
    told: Body = json.loads(answer.content)
    return told
