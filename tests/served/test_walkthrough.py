"""The founding walkthrough, nine steps as with curl, on every database and HTTP server."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.served.serving import serving
from tests.support.databases import KINDS
from tests.support.server_process import TOKEN

ROOM = {"Authorization": f"Bearer {TOKEN}", "X-Namespace": "default"}
CLIENT = {**ROOM, "X-Durable-Workflow-Control-Plane-Version": "2"}
WORKER = {**ROOM, "X-Durable-Workflow-Protocol-Version": "1.0"}


class Curl:
    """Sends JSON and expects a status."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=60)

    def get(self, path: str) -> Any:
        """The body of a 200."""
        answer = self._client.get(path, headers=CLIENT)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: dict[str, Any], status: int = 200) -> Any:
        """The body of an answer to a request on the plane of its path."""
        worker = path.startswith("/api/worker/")
        answer = self._client.post(path, json=body, headers=WORKER if worker else CLIENT)
        assert answer.status_code == status, answer.text
        if worker:
            assert answer.headers["X-Durable-Workflow-Protocol-Version"] == "1.0"
            assert answer.json()["protocol_version"] == "1.0"
        return answer.json()


@pytest.mark.parametrize("http", ["uvicorn", "waitress"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_founding_walkthrough(kind: str, http: str, tmp_path: Path) -> None:
    with serving(kind, tmp_path, http, {}) as url:
        curl = Curl(url)
        started = start(curl)
        work(curl, started["run_id"])
        look(curl, started["run_id"])


def start(curl: Curl) -> dict[str, Any]:
    """Step 1: a client starts a workflow."""
    started: dict[str, Any] = curl.post(
        "/api/workflows",
        {
            "workflow_id": "order-42",
            "workflow_type": "orders.process",
            "task_queue": "order-workers",
            "input": ["order-42", {"rush": True}],
            "execution_timeout_seconds": 3600,
            "run_timeout_seconds": 600,
        },
        status=201,
    )
    assert started["workflow_id"] == "order-42"
    assert started["workflow_type"] == "orders.process"
    assert started["status"] == "pending"
    assert started["outcome"] == "started_new"
    return started


def work(curl: Curl, run_id: str) -> None:
    """Steps 2 to 7: a worker registers, polls, schedules an activity, carries it out, ends."""
    here = {"worker_id": "worker-1", "task_queue": "order-workers"}
    registered = curl.post("/api/worker/register", {**here, "runtime": "python"}, status=201)
    assert registered["registered"] is True

    task = curl.post("/api/worker/workflow-tasks/poll", here)["task"]
    assert (task["workflow_id"], task["run_id"]) == ("order-42", run_id)
    assert (task["lease_owner"], task["workflow_task_attempt"]) == ("worker-1", 1)
    types = [event["event_type"] for event in task["history_events"]]
    assert types == ["StartAccepted", "WorkflowStarted"]

    activity = {
        "type": "schedule_activity",
        "activity_type": "orders.send-confirmation",
        "task_queue": "order-workers",
        "input": ["order-42"],
    }
    assert complete(curl, task, activity)["run_status"] == "waiting"

    attempt = curl.post("/api/worker/activity-tasks/poll", here)["task"]
    assert attempt["activity_type"] == "orders.send-confirmation"
    assert attempt["input"] == ["order-42"]
    report = {name: attempt[name] for name in ("activity_attempt_id", "lease_owner")}
    path = f"/api/worker/activity-tasks/{attempt['task_id']}/complete"
    assert curl.post(path, {**report, "result": "confirmation-sent"})["recorded"] is True

    task = curl.post("/api/worker/workflow-tasks/poll", here)["task"]
    end = {"type": "complete_workflow", "result": {"status": "shipped", "tracking": "TRK-123"}}
    assert complete(curl, task, end)["run_status"] == "completed"


def complete(curl: Curl, task: dict[str, Any], command: dict[str, Any]) -> Any:
    """Complete a workflow task with one command."""
    lease = {name: task[name] for name in ("lease_owner", "workflow_task_attempt")}
    path = f"/api/worker/workflow-tasks/{task['task_id']}/complete"
    return curl.post(path, {**lease, "commands": [command]})


def look(curl: Curl, run_id: str) -> None:
    """Steps 8 and 9: the client describes the workflow and reads its history."""
    described = curl.get("/api/workflows/order-42")
    assert described["status"] == "completed"
    assert described["output"] == {"status": "shipped", "tracking": "TRK-123"}
    assert described["input"] == ["order-42", {"rush": True}]

    history = curl.get(f"/api/workflows/order-42/runs/{run_id}/history")
    assert [event["event_type"] for event in history["events"]] == [
        "StartAccepted",
        "WorkflowStarted",
        "ActivityScheduled",
        "ActivityStarted",
        "ActivityCompleted",
        "WorkflowCompleted",
    ]
    assert [event["sequence"] for event in history["events"]] == [1, 2, 3, 4, 5, 6]
