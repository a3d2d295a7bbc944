"""Signals end to end: many clients at once, workers of two dialects, waits that run out of time."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.served.serving import serving
from tests.support.databases import KINDS
from tests.support.server_process import TOKEN

ROOM = {"Authorization": f"Bearer {TOKEN}"}
CLIENT = {**ROOM, "X-Durable-Workflow-Control-Plane-Version": "2"}
WAIT = {"type": "open_condition_wait", "condition_key": "k"}
MANY = 40


class Place:
    """A server under test, and one worker of one protocol version on a queue of its own."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/api"

    def client(self, path: str, body: Any = None) -> httpx.Response:
        """A request of a client."""
        return httpx.post(f"{self._url}{path}", json=body or {}, headers=CLIENT, timeout=60)

    def worker(self, path: str, body: dict[str, Any], version: str = "1.20") -> dict[str, Any]:
        """A request of a worker, which is accepted."""
        headers = {**ROOM, "X-Durable-Workflow-Protocol-Version": version}
        answer = httpx.post(f"{self._url}/worker{path}", json=body, headers=headers, timeout=60)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def start(self, workflow_id: str) -> str:
        """A workflow that waits for its first task, on a queue of its name; returns the run."""
        body = {"workflow_id": workflow_id, "workflow_type": "echo", "task_queue": workflow_id}
        return str(self.client("/workflows", body).json()["run_id"])

    def take(self, queue: str, version: str = "1.20") -> dict[str, Any]:
        """The next workflow task of a queue."""
        registration = {"worker_id": queue, "task_queue": queue, "runtime": "python"}
        self.worker("/register", registration, version)
        poll = {"worker_id": queue, "task_queue": queue}
        task = self.worker("/workflow-tasks/poll", poll, version)["task"]
        assert task is not None
        return dict(task)

    def complete(self, task: dict[str, Any], *commands: dict[str, Any]) -> None:
        """Complete a task."""
        body = {
            "lease_owner": task["lease_owner"],
            "workflow_task_attempt": task["workflow_task_attempt"],
            "commands": commands,
        }
        self.worker(f"/workflow-tasks/{task['task_id']}/complete", body)

    def events(self, workflow_id: str, run_id: str) -> list[dict[str, Any]]:
        """The history of a run."""
        path = f"{self._url}/workflows/{workflow_id}/runs/{run_id}/history?page_size=1000"
        return list(httpx.get(path, headers=CLIENT, timeout=60).json()["events"])


@pytest.fixture(scope="module", params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp(f"signals-{request.param}")
    with serving(request.param, folder, "uvicorn", {}) as url:
        yield Place(url)


def received(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the signals of a history say."""
    return [each["payload"] for each in events if each["event_type"] == "SignalReceived"]


def test_signals_that_are_sent_twice_at_the_same_time_are_told_once(place: Place) -> None:
    run_id = place.start("twice")
    bodies = [{"input": [number], "request_id": f"r-{number}"} for number in range(MANY)] * 2

    with ThreadPoolExecutor(16) as pool:
        sent = [pool.submit(place.client, "/workflows/twice/signal/post", each) for each in bodies]
        answers = [each.result() for each in sent]

    assert {answer.status_code for answer in answers} == {202}
    assert sum(answer.json()["retained"] for answer in answers) == MANY
    told = received(place.events("twice", run_id))
    assert len({each["signal_id"] for each in told}) == len(told) == MANY
    numbers = [each["command"]["sequence"] for each in told]
    assert numbers == sorted(numbers)


def test_signals_race_with_completions_and_none_is_lost(place: Place) -> None:
    run_id = place.start("race")
    with ThreadPoolExecutor(8) as pool:
        path = "/workflows/race/signal/post"
        sent = [pool.submit(place.client, path, {"input": [n]}) for n in range(MANY)]
        for _ in range(5):
            place.complete(place.take("race"), WAIT)
        assert {each.result().status_code for each in sent} == {202}
    while len(received(place.events("race", run_id))) < MANY:
        place.complete(place.take("race"), WAIT)

    events = place.events("race", run_id)
    assert [each["sequence"] for each in events] == list(range(1, len(events) + 1))
    numbers = [each["command"]["sequence"] for each in received(events)]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(("version", "codec"), [("1.0", "json"), ("1.20", "avro")])
def test_plain_arguments_are_encoded_for_the_first_worker(
    place: Place, version: str, codec: str
) -> None:
    name = f"plain-{version}"
    place.start(name)
    place.client(f"/workflows/{name}/signal/early", {"input": ["a"]})

    task = place.take(name, version)

    [early] = received(task["history_events"])
    assert early["arguments"]["codec"] == early["payload_codec"] == codec
    place.client(f"/workflows/{name}/signal/late", {"input": ["b"]})
    place.complete(task, WAIT)
    told = received(place.take(name, version)["history_events"])
    assert [each["arguments"]["codec"] for each in told] == [codec, codec]


def test_a_wait_is_over_when_its_time_is_up_and_not_early(place: Place) -> None:
    place.start("timed")
    place.complete(place.take("timed"), {**WAIT, "timeout_seconds": 1})
    begun = time.monotonic()

    task = place.take("timed")

    assert time.monotonic() - begun >= 0.9
    assert task["workflow_wait_kind"] == "condition"
    assert task["history_events"][-1]["event_type"] == "ConditionWaitTimedOut"


def test_a_parked_poll_is_given_the_task_of_a_signal(place: Place) -> None:
    place.start("parked")
    place.complete(place.take("parked"), WAIT)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(place.take, "parked")
        place.client("/workflows/parked/signal/go")
        task = waiting.result(timeout=20)

    assert task["signal_name"] == "go"
    assert task["workflow_task_attempt"] == 1
