"""Asking a server in this process, as clients and workers do over HTTP, and reading its tables."""

import threading
from typing import Any

import orjson
from durable_server import app
from durable_server.http.compile import Router
from durable_server.http.edge import Answer, Edge, Request
from durable_server.maintenance.loop import PASSES
from durable_server.matching.channels import Channel
from durable_server.pending import Pending
from durable_server.server import Server

from tests.invariants.reading import read_run
from tests.invariants.rows import Everything, Rows

CONTROL = {b"x-durable-workflow-control-plane-version": b"2"}
WORKER = {b"x-durable-workflow-protocol-version": b"1.20"}
ANSWER_SECONDS_MAX = 20
NAMESPACE = "default"


class Asker:
    """Somebody who asks; every request must be answered within a bound."""

    def __init__(self, server: Server, router: Router) -> None:
        self.server = server
        self._edge: Edge = app.build_edge(server, router)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and body of the answer."""
        headers = dict(WORKER if path.startswith("/api/worker/") else CONTROL)
        headers[b"content-type"] = b"application/json"
        raw, _, query = path.encode().partition(b"?")
        data = b"" if body is None else orjson.dumps(body)
        request = Request(method, raw, query, headers, lambda callback: None, data)
        answer = self._edge.begin(request) or self._finish(request)
        content = orjson.loads(answer.body) if answer.body else None
        assert answer.status < 500 or answer.status in (503, 504), (path, content)
        return answer.status, content

    def poll(self, kind: str, worker_id: str, queue: str) -> Any:
        """The task that a worker is given now, or None."""
        # A clock that is moved by hand wakes nobody: have the queue looked at.
        self.server.matcher.backlog(Channel(NAMESPACE, queue, kind))
        body = {"worker_id": worker_id, "task_queue": queue, "timeout_seconds": 0}
        status, answer = self.ask("POST", f"/api/worker/{kind}-tasks/poll", body)
        assert status == 200, answer
        return answer["task"]

    def register(self, worker_id: str, queue: str) -> None:
        """A worker that takes everything of a queue."""
        body = {"worker_id": worker_id, "task_queue": queue, "runtime": "python"}
        status, answer = self.ask("POST", "/api/worker/register", body)
        assert status == 201, answer

    def sweep(self) -> None:
        """Every pass runs once."""
        for kind in PASSES:
            self.server.agenda.note(kind, self.server.clock.now())
        self.server.passes.run_due()

    def everything(self, queue: str) -> Everything:
        """All runs of a task queue, and who holds their workflow ids, at one moment."""
        pending = self.server.read(_read_queue, queue, snapshot=True)
        self.wait(pending)
        found: Everything = pending.result()
        return found

    def wait(self, pending: Pending) -> None:
        """Wait for an answer of another thread, within a bound."""
        event = threading.Event()
        pending.on_answer(event.set)
        assert event.wait(ANSWER_SECONDS_MAX), "I59: not answered"

    def _finish(self, request: Request) -> Answer:
        """Carry the coroutine on, as a thread of Waitress does."""
        coroutine = self._edge.finish(request)
        while True:
            try:
                waited: Any = coroutine.send(None)
            except StopIteration as stop:
                answer: Answer = stop.value
                return answer
            self.wait(waited)


def _read_queue(tx: Any, queue: str) -> Everything:
    mark = "%s" if tx.kind == "postgresql" else "?"
    database = tx.database

    def execute(sql: str, parameters: tuple[Any, ...]) -> Any:
        return database.execute_sql(sql, parameters).fetchall()

    sql = f"SELECT shard, run_id FROM runs WHERE task_queue = {mark} ORDER BY run_id"
    runs: dict[str, Rows] = {}
    for shard, run_id in execute(sql, (queue,)):
        runs[run_id] = read_run(execute, shard, run_id, mark)
    names = {(rows.run.shard, NAMESPACE, rows.run.workflow_id): None for rows in runs.values()}
    return Everything(runs, tx.fetch("workflows_by_id", list(names)))
