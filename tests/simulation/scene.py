"""A calm world in which a test says what happens in which order, and everything is checked.

Requests wait on their lane until the test lets it carry out a batch, so that what "at the same
moment" means is what the test says: one batch in a given order, or one transaction after another.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from durable_server.http.edge import Answer, Request

from tests.simulation.life import world_of
from tests.simulation.network import CONTROL, WORKER
from tests.simulation.node import LEASE_SECONDS, Node
from tests.simulation.parties import QUEUE
from tests.simulation.world import Weather, World

ROUNDS_MAX = 100
PAST_LEASE = LEASE_SECONDS + 1
Body = dict[str, Any]


class Sent:
    """A request under way; `status` and `body` once it is answered."""

    def __init__(self) -> None:
        self.status = 0
        self.body: Any = None

    def answered(self, answer: Answer) -> None:
        """The answer is there."""
        self.status = answer.status
        self.body = orjson.loads(answer.body) if answer.body else None


class Scene:
    """One process, or several that share the database, and somebody who asks them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.node = world.nodes[0]

    def send(self, method: str, path: str, body: Any = None, node: Node | None = None) -> Sent:
        """Have a request come in, up to where it waits for a lane or a task."""
        headers = dict(WORKER if path.startswith("/api/worker/") else CONTROL)
        headers[b"content-type"] = b"application/json"
        data = b"" if body is None else orjson.dumps(body)
        raw, _, query = path.encode().partition(b"?")
        request = Request(method, raw, query, headers, lambda callback: None, data)
        sent = Sent()
        (node or self.node).receive(request, sent.answered)
        self.world.drain(lanes=False)
        return sent

    def carry_out(self) -> None:
        """Let the lanes carry out what is queued, and everything follow that follows from it."""
        self.world.drain(lanes=True)

    def ask(self, method: str, path: str, body: Any = None, node: Node | None = None) -> Sent:
        """Send a request and have it carried out."""
        sent = self.send(method, path, body, node)
        self.carry_out()
        assert sent.status, f"{path} is not answered"
        return sent

    def together(self, *requests: tuple[str, str, Any]) -> list[Sent]:
        """Requests that one transaction carries out, in this order."""
        sent = [self.send(*request) for request in requests]
        self.carry_out()
        return sent

    def apart(self, *requests: tuple[str, str, Any]) -> list[Sent]:
        """Requests that are carried out one after the other."""
        return [self.ask(*request) for request in requests]

    def let_pass(self, seconds: float) -> None:
        """Time passes; nobody looks."""
        self.world.clock.advance(seconds)

    def sweep(self, node: Node | None = None) -> None:
        """Every pass runs once."""
        (node or self.node).sweep()
        self.carry_out()

    def register(self, *names: str) -> None:
        """Workers that take everything of the queue."""
        for name in names:
            body = {"worker_id": name, "task_queue": QUEUE, "runtime": "python"}
            assert self.ask("POST", "/api/worker/register", body).status == 201

    def start(self, workflow_id: str = "order-1", **wanted: Any) -> str:
        """Start a workflow; gives its run id."""
        body = {"workflow_id": workflow_id, "workflow_type": "order", "task_queue": QUEUE, **wanted}
        sent = self.ask("POST", "/api/workflows", body)
        assert sent.status == 201, sent.body
        run_id: str = sent.body["run_id"]
        return run_id

    def poll(self, kind: str = "workflow", worker: str = "anna", **more: Any) -> Any:
        """The task that a worker is given now, or None."""
        body = {"worker_id": worker, "task_queue": QUEUE, "timeout_seconds": 0, **more}
        sent = self.ask("POST", f"/api/worker/{kind}-tasks/poll", body)
        assert sent.status == 200, sent.body
        return sent.body["task"]

    def work(self, *commands: Body) -> Sent:
        """Take the workflow task that is ready and complete it."""
        task = self.poll()
        assert task is not None, "no workflow task is ready"
        sent = self.ask(*completing(task, *commands))
        assert sent.status == 200, sent.body
        return sent

    def bring_to_an_end(self) -> None:
        """Let passes and workers go on until every run has ended."""
        for _ in range(ROUNDS_MAX):
            self.sweep()
            if self.world.judge.all_closed():
                return
            task, attempt = self.poll(), self.poll("activity")
            if task is not None:
                assert self.ask(*completing(task, {"type": "complete_workflow"})).status == 200
            if attempt is not None:
                self.ask(*reporting(attempt))
            self.let_pass(5)
        raise AssertionError(f"not ended: {self.world.judge.open_runs()}")

    def deliver_messages(self) -> None:
        """Let a pass bring what runs have to tell each other and have not been able to."""
        while self.world.judge.execute("SELECT 1 FROM messages LIMIT 1", ()):
            self.let_pass(10)
            self.sweep()

    def signal(self, request_id: str, workflow_id: str = "order-1") -> Sent:
        """Send a signal that must be accepted."""
        sent = self.ask(*signalling(request_id, workflow_id))
        assert sent.status == 202, sent.body
        return sent

    def types(self, run_id: str) -> list[str]:
        """The types of a run's events."""
        return self.world.judge.rows_of(run_id).types

    def status(self, run_id: str) -> tuple[str, str | None]:
        """How a run stands, and why."""
        run = self.world.judge.rows_of(run_id).run
        return run.status, run.closed_reason


@contextmanager
def a_scene(nodes: int = 1) -> Iterator[Scene]:
    """A scene with two workers; in the end all that must hold of all runs is checked."""
    with world_of(1, weather=Weather(nodes=nodes, passing=nodes)) as world:
        world.calm_down()
        scene = Scene(world)
        scene.register("anna", "boris")
        yield scene
        scene.carry_out()
        world.judge.verdict()
        world.judge.end()


def completing(task: Body, *commands: Body, worker: str | None = None) -> tuple[str, str, Body]:
    """The request that completes a workflow task."""
    body = {
        "lease_owner": worker or task["lease_owner"],
        "workflow_task_attempt": task["workflow_task_attempt"],
        "commands": list(commands),
    }
    return "POST", f"/api/worker/workflow-tasks/{task['task_id']}/complete", body


def reporting(task: Body, how: str = "complete", **more: Any) -> tuple[str, str, Body]:
    """The request that reports on an activity."""
    body = {"activity_attempt_id": task["activity_attempt_id"], "lease_owner": task["lease_owner"]}
    given = {"result": "AAA="} if how == "complete" else {}
    path = f"/api/worker/activity-tasks/{task['task_id']}/{how}"
    return "POST", path, {**body, **given, **more}


def signalling(request_id: str, workflow_id: str = "order-1") -> tuple[str, str, Body]:
    """The request that sends a signal."""
    path = f"/api/workflows/{workflow_id}/signal/ready"
    return "POST", path, {"input": ["go"], "request_id": request_id}


def updating(request_id: str, workflow_id: str = "order-1") -> tuple[str, str, Body]:
    """The request that asks for an update, without waiting for its end."""
    path = f"/api/workflows/{workflow_id}/update/change"
    return "POST", path, {"input": ["blue"], "request_id": request_id, "wait_for": "accepted"}


def stopping(how: str, workflow_id: str = "order-1") -> tuple[str, str, Body]:
    """The request that cancels or terminates a workflow."""
    return "POST", f"/api/workflows/{workflow_id}/{how}", {}
