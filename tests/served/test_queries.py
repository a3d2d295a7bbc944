"""Queries end to end: askers and workers meet wherever they are served, and runs stay untouched."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg2
import pytest

from tests.support.databases import KINDS, own_database
from tests.support.server_process import TOKEN, ServerProcess
from tests.support.services import wait_until

ROOM = {"Authorization": f"Bearer {TOKEN}"}
CLIENT = {**ROOM, "X-Durable-Workflow-Control-Plane-Version": "2"}
WORKER = {**ROOM, "X-Durable-Workflow-Protocol-Version": "1.20"}
SETTINGS = {
    "WORKFLOW_SERVER_QUERY_TASK_TIMEOUT": "6",
    "WORKFLOW_SERVER_QUERY_TASK_LEASE_TIMEOUT": "3",
    "WORKFLOW_SERVER_QUERY_TASK_MAX_PENDING_PER_QUEUE": "4",
    "WORKFLOW_SERVER_QUERY_TASK_TTL_SECONDS": "77",
}
Answer = httpx.Response


class Place:
    """A server under test; every request has a connection of its own, so any process serves it."""

    def __init__(self, url: str, database_url: str) -> None:
        self.database_url = database_url
        self.url = url
        self._pool = ThreadPoolExecutor(32)

    def client(self, path: str, body: Any = None) -> Answer:
        """A request of a client."""
        return httpx.post(f"{self.url}/api{path}", json=body, headers=CLIENT, timeout=60)

    def look(self, path: str) -> Any:
        """What a client reads."""
        answer = httpx.get(f"{self.url}/api{path}", headers=CLIENT, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def worker(self, path: str, body: dict[str, Any]) -> Answer:
        """A request of a worker."""
        return httpx.post(f"{self.url}/api/worker{path}", json=body, headers=WORKER, timeout=60)

    def status(self, task: dict[str, Any]) -> Answer:
        """How the lease of a query task stands."""
        names = ("lease_owner", "query_task_attempt")
        path = f"{self.url}/api/worker/query-tasks/{task['query_task_id']}/status"
        return httpx.get(path, params={n: task[n] for n in names}, headers=WORKER, timeout=60)

    def start(self, workflow_id: str, queue: str, **more: Any) -> dict[str, Any]:
        """A workflow that waits for its first task."""
        body = {"workflow_id": workflow_id, "workflow_type": "orders.process", "task_queue": queue}
        answer = self.client("/workflows", {**body, "input": ["first", 2], **more})
        assert answer.status_code == 201, answer.text
        started: dict[str, Any] = answer.json()
        return started

    def register(self, worker_id: str, queue: str, **more: Any) -> None:
        """A worker of the task queue."""
        body = {"worker_id": worker_id, "task_queue": queue, "runtime": "python", **more}
        answer = self.worker("/register", body)
        assert answer.status_code == 201, answer.text

    def ask(self, workflow_id: str, name: str, body: Any = None) -> "Future[Answer]":
        """A query, on its way."""
        path = f"/workflows/{workflow_id}/query/{name}"
        return self._pool.submit(self.client, path, {} if body is None else body)

    def poll(self, worker_id: str, queue: str, seconds: int = 5, **more: Any) -> Any:
        """The next query task, or None."""
        body = {"worker_id": worker_id, "task_queue": queue, "timeout_seconds": seconds, **more}
        answer = self.worker("/query-tasks/poll", body)
        assert answer.status_code == 200, answer.text
        return answer.json()["task"]

    def poll_later(self, worker_id: str, queue: str, seconds: int = 5) -> "Future[Any]":
        """A poll, on its way."""
        return self._pool.submit(self.poll, worker_id, queue, seconds)

    def report(self, task: dict[str, Any], verb: str, **body: Any) -> Answer:
        """A report on a query task under its own lease."""
        lease = {name: task[name] for name in ("lease_owner", "query_task_attempt")}
        return self.worker(f"/query-tasks/{task['query_task_id']}/{verb}", {**lease, **body})

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What the database holds."""
        if self.database_url.startswith("sqlite"):
            opened: Any = sqlite3.connect(self.database_url.removeprefix("sqlite:///"))
        else:
            opened = psycopg2.connect(self.database_url)
        try:
            cursor = opened.cursor()
            cursor.execute(statement)
            found: list[tuple[Any, ...]] = cursor.fetchall()
            return found
        finally:
            opened.close()

    def close(self) -> None:
        """Wait for what is on its way."""
        self._pool.shutdown()


@pytest.fixture(scope="module", params=[(k, n) for k in KINDS for n in (1, 2)], ids=str)
def place(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Place]:
    kind, processes = request.param
    folder: Path = tmp_path_factory.mktemp(f"queries-{kind}-{processes}")
    settings = {**SETTINGS, "WORKFLOW_SERVER_PROCESSES": str(processes)}
    with own_database(kind, folder) as database_url:
        server = ServerProcess(database_url, folder / "server.log", settings).start()
        found = Place(server.url, database_url)
        yield found
        found.close()
        server.stop()


@pytest.fixture
def queue(request: pytest.FixtureRequest) -> str:
    return str(request.node.originalname)


def refused(answer: Answer, status: int, reason: str) -> Any:
    """The body of a refusal."""
    assert (answer.status_code, answer.json()["reason"]) == (status, reason), answer.text
    return answer.json()


def test_a_query_is_answered_by_a_worker_with_the_whole_history(place: Place, queue: str) -> None:
    run_id = place.start(queue, queue)["run_id"]
    place.register(f"{queue}-w", queue)
    asked = place.ask(queue, "state", {"input": ["a", {"b": 1}]})

    task = place.poll(f"{queue}-w", queue)

    assert (task["workflow_id"], task["run_id"]) == (queue, run_id)
    assert (task["query_name"], task["query_task_attempt"]) == ("state", 1)
    assert (task["lease_owner"], task["task_queue"]) == (f"{queue}-w", queue)
    assert [event["event_type"] for event in task["history_events"]] == [
        "StartAccepted",
        "WorkflowStarted",
    ]
    assert task["lease_expires_at"] <= task["query_deadline_at"]
    envelope = {"codec": "avro", "blob": "ABZ7InN0YWdlIjoyfQI="}
    done = place.report(task, "complete", result={"stage": 2}, result_envelope=envelope)
    assert done.status_code == 200
    told = asked.result()
    assert told.status_code == 200, told.text
    body = told.json()
    assert (body["result"], body["result_envelope"]) == ({"stage": 2}, envelope)
    assert (body["query_name"], body["run_id"], body["reason"]) == ("state", run_id, None)
    assert body["control_plane"]["operation_name"] == "state"
    assert body["control_plane"]["result"] == {"stage": 2}


def test_a_parked_worker_is_handed_the_query(place: Place, queue: str) -> None:
    place.start(queue, queue)
    place.register(f"{queue}-w", queue)
    parked = [place.poll_later(f"{queue}-w", queue) for _ in range(3)]
    time.sleep(0.3)
    begun = time.monotonic()
    asked = [place.ask(queue, f"q{number}") for number in range(3)]

    tasks = [each.result() for each in parked]
    for task in tasks:
        place.report(task, "complete", result=task["query_name"])

    assert sorted(each.result().json()["result"] for each in asked) == ["q0", "q1", "q2"]
    assert time.monotonic() - begun < 2


def test_a_query_changes_nothing_of_its_run(place: Place, queue: str) -> None:
    run_id = place.start(queue, queue)["run_id"]
    place.register(f"{queue}-w", queue)
    tables = ("workflows", "runs", "run_details", "tasks", "events", "messages")
    wanted = {each: f"SELECT * FROM {each} WHERE shard = {int(run_id[-3:], 16)}" for each in tables}
    before = {each: place.rows(wanted[each]) for each in tables}
    asked = place.ask(queue, "state")
    place.report(place.poll(f"{queue}-w", queue), "complete", result=1)
    refusing = place.ask(queue, "state")
    place.report(place.poll(f"{queue}-w", queue), "fail", failure={"message": "no"})

    assert asked.result().status_code == 200
    refused(refusing.result(), 409, "query_rejected")
    assert before["events"]
    assert {each: place.rows(wanted[each]) for each in tables} == before


def test_a_closed_run_answers(place: Place, queue: str) -> None:
    run_id = place.start(queue, queue)["run_id"]
    place.register(f"{queue}-w", queue)
    here = {"worker_id": f"{queue}-w", "task_queue": queue}
    task = place.worker("/workflow-tasks/poll", here).json()["task"]
    lease = {name: task[name] for name in ("lease_owner", "workflow_task_attempt")}
    path = f"/workflow-tasks/{task['task_id']}/complete"
    place.worker(path, {**lease, "commands": [{"type": "complete_workflow", "result": 7}]})
    assert place.look(f"/workflows/{queue}")["status"] == "completed"
    asked = place.ask(f"{queue}/runs/{run_id}", "state")

    task = place.poll(f"{queue}-w", queue)

    assert task["run_status"] == "completed"
    assert task["history_events"][-1]["event_type"] == "WorkflowCompleted"
    place.report(task, "complete", result="closed")
    assert asked.result().json()["result"] == "closed"


def test_what_a_worker_says_against_a_query_reaches_the_caller(place: Place, queue: str) -> None:
    place.start(queue, queue)
    place.register(f"{queue}-w", queue)
    said: Callable[[dict[str, Any]], Answer] = lambda failure: refuse(place, queue, failure)  # noqa: E731

    unknown = said({"message": "no such query", "reason": "rejected_unknown_query"})
    assert refused(unknown, 404, "rejected_unknown_query")["message"] == "no such query"
    broken = said({"message": "boom", "type": "ValueError", "stack_trace": "x"})
    assert refused(broken, 409, "query_rejected")["message"] == "boom"
    own = said({"message": "lost", "reason": "query_workflow_state_unavailable"})
    assert refused(own, 409, "query_workflow_state_unavailable")["result"] is None
    errors = {"name": ["The name argument is required."]}
    unfit = said({"message": "m", "reason": "invalid_query_arguments", "validation_errors": errors})
    assert refused(unfit, 422, "invalid_query_arguments")["validation_errors"] == errors


def refuse(place: Place, queue: str, failure: dict[str, Any]) -> Answer:
    """What a caller is told when the worker fails its query."""
    asked = place.ask(queue, "q")
    done = place.report(place.poll(f"{queue}-w", queue), "fail", failure=failure)
    assert done.json()["reason"] == failure.get("reason", "query_rejected")
    return asked.result()


def test_without_a_fitting_worker_a_query_is_refused_at_once(place: Place, queue: str) -> None:
    place.start(queue, queue)
    begun = time.monotonic()
    refused(place.ask(queue, "q").result(), 409, "query_worker_unavailable")
    place.register(f"{queue}-elsewhere", f"{queue}-other")
    place.register(f"{queue}-type", queue, supported_workflow_types=["orders.other"])
    place.register(f"{queue}-php", queue, runtime="php")
    refused(place.ask(queue, "q").result(), 409, "query_worker_unavailable")
    assert time.monotonic() - begun < 2
    assert place.poll(f"{queue}-type", queue, seconds=0) is None


def test_a_slow_worker_costs_its_caller_no_more_than_the_timeout(place: Place, queue: str) -> None:
    place.start(queue, queue)
    place.register(f"{queue}-w", queue)
    begun = time.monotonic()
    asked = place.ask(queue, "q")
    task = place.poll(f"{queue}-w", queue)

    told = refused(asked.result(), 504, "query_worker_timeout")

    assert 5.9 < time.monotonic() - begun < 9
    assert told["result"] is None
    late = place.report(task, "complete", result=1)
    assert refused(late, 409, "query_task_timed_out")["outcome"] == "rejected"


def test_a_lease_that_ends_is_offered_again(place: Place, queue: str) -> None:
    place.start(queue, queue)
    place.register(f"{queue}-lost", queue)
    place.register(f"{queue}-w", queue)
    asked = place.ask(queue, "q")
    lost = place.poll(f"{queue}-lost", queue)

    task = place.poll(f"{queue}-w", queue)

    assert (task["query_task_id"], task["query_task_attempt"]) == (lost["query_task_id"], 2)
    refused(place.report(lost, "complete", result="late"), 409, "lease_owner_mismatch")
    place.report(task, "complete", result="again")
    assert asked.result().json()["result"] == "again"


def test_only_the_holder_reports_and_only_once(place: Place, queue: str) -> None:
    place.start(queue, queue)
    place.register(f"{queue}-w", queue)
    asked = place.ask(queue, "q")
    task = place.poll(f"{queue}-w", queue)

    thief = place.report({**task, "lease_owner": "thief"}, "complete", result=1)
    assert refused(thief, 409, "lease_owner_mismatch")["lease_owner"] == f"{queue}-w"
    stale = place.report({**task, "query_task_attempt": 7}, "complete", result=1)
    assert refused(stale, 409, "query_task_attempt_mismatch")["current_attempt"] == 1
    assert place.status(task).json()["can_continue"] is True
    refused(place.status({**task, "lease_owner": "thief"}), 409, "lease_owner_mismatch")
    bare = f"{place.url}/api/worker/query-tasks/{task['query_task_id']}/status"
    told = refused(httpx.get(bare, headers=WORKER, timeout=60), 422, "validation_failed")
    assert list(told["errors"]) == ["lease_owner", "query_task_attempt"]
    assert place.report(task, "complete", result=1).status_code == 200
    refused(place.report(task, "complete", result=2), 409, "query_task_not_leased")
    assert asked.result().json()["result"] == 1
    assert place.status(task).json()["reason"] == "query_task_not_leased"
    absent = {**task, "query_task_id": "absent"}
    told = refused(place.report(absent, "complete"), 404, "query_task_not_found")
    assert (told["outcome"], told["status"]) == ("rejected", 404)


def test_a_full_queue_refuses_further_queries(place: Place, queue: str) -> None:
    place.start(queue, queue)
    place.start(f"{queue}-2", f"{queue}-2")
    place.register(f"{queue}-w", queue)
    place.register(f"{queue}-w2", f"{queue}-2")
    waiting = [place.ask(queue, f"q{number}") for number in range(4)]
    wait_until(lambda: waiting_rows(place, queue) == 4, "four queries wait")

    full = place.ask(queue, "one-too-many").result()
    kept = f"SELECT expires_at - created_at FROM query_tasks WHERE task_queue = '{queue}'"
    assert set(place.rows(kept)) == {(77_000_000,)}

    told = refused(full, 429, "query_task_queue_full")
    assert (told["limit"], full.headers["Retry-After"]) == (4, "1")
    beside = place.ask(f"{queue}-2", "q")
    place.report(place.poll(f"{queue}-w2", f"{queue}-2"), "complete", result="beside")
    assert beside.result().json()["result"] == "beside"
    for _ in waiting:
        place.report(place.poll(f"{queue}-w", queue), "complete", result=1)
    assert {each.result().status_code for each in waiting} == {200}


def waiting_rows(place: Place, queue: str) -> Any:
    """How many queries of a task queue wait."""
    where = f"task_queue = '{queue}' AND status IN ('ready', 'leased')"
    return place.rows(f"SELECT count(*) FROM query_tasks WHERE {where}")[0][0]


def test_what_is_answered_is_not_kept(place: Place, queue: str) -> None:
    place.start(queue, queue)
    place.register(f"{queue}-w", queue)
    asked = place.ask(queue, "q", {"input": ["secret"]})
    place.report(place.poll(f"{queue}-w", queue), "complete", result="secret")
    assert asked.result().json()["result"] == "secret"

    kept = f"SELECT arguments, result FROM query_tasks WHERE task_queue = '{queue}'"
    wait_until(lambda: place.rows(kept) == [("", None)], "the row holds no values any more")


def test_a_result_beyond_the_payload_limit_is_refused(place: Place, queue: str) -> None:
    place.start(queue, queue)
    place.register(f"{queue}-w", queue)
    asked = place.ask(queue, "q")
    task = place.poll(f"{queue}-w", queue)

    large = place.report(task, "complete", result="x" * 2_200_000)

    refused(large, 413, "payload_too_large")
    place.report(task, "fail", failure={"message": "too large"})
    refused(asked.result(), 409, "query_rejected")


def test_a_caller_that_leaves_frees_its_place(place: Place, queue: str) -> None:
    place.start(queue, queue)
    place.register(f"{queue}-w", queue)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            f"{place.url}/api/workflows/{queue}/query/q", json={}, headers=CLIENT, timeout=0.7
        )

    wait_until(lambda: waiting_rows(place, queue) == 0, "nobody waits")
    assert place.poll(f"{queue}-w", queue, seconds=0) is None


def test_a_repeated_poll_is_given_the_same_query(place: Place, queue: str) -> None:
    place.start(queue, queue)
    place.register(f"{queue}-w", queue)
    asked = place.ask(queue, "q")
    first = place.poll(f"{queue}-w", queue, poll_request_id="p-1")

    again = place.poll(f"{queue}-w", queue, poll_request_id="p-1")

    assert again["query_task_id"] == first["query_task_id"]
    assert again["query_task_attempt"] == first["query_task_attempt"] == 1
    place.report(again, "complete", result=1)
    assert asked.result().status_code == 200


def test_whom_a_query_cannot_reach(place: Place, queue: str) -> None:
    place.start(queue, queue)
    refused(place.ask(f"{queue}-absent", "q").result(), 404, "instance_not_found")
    refused(place.ask(f"{queue}/runs/absent", "q").result(), 404, "run_not_found")
    refused(place.ask(queue, "q" * 257).result(), 422, "validation_failed")
    refused(place.ask(queue, "q", {"input": 3}).result(), 422, "validation_failed")
