"""What is left after the kills: histories whole, nothing acknowledged missing, nothing twice."""

from collections import Counter
from typing import Any

import httpx

from tests.kill.workload import ACTIVITIES, Acknowledged

PAGE_SIZE = 4
EXPECTED = Counter(
    {
        "StartAccepted": 1,
        "WorkflowStarted": 1,
        "SideEffectRecorded": 1,
        "ActivityScheduled": ACTIVITIES,
        "ActivityCompleted": ACTIVITIES,
        "TimerScheduled": 1,
        "TimerFired": 1,
        "ChildWorkflowScheduled": 1,
        "ChildRunCompleted": 1,
        "WorkflowCompleted": 1,
    }
)


def status_of(client: httpx.Client, workflow_id: str) -> str:
    """The status of a workflow, which must be there."""
    reply = client.get(f"/workflows/{workflow_id}")
    assert reply.status_code == 200, f"acknowledged, and gone: {workflow_id} {reply.text[:200]}"
    status: str = reply.json()["status"]
    return status


def check_workflow(client: httpx.Client, workflow_id: str, acknowledged: Acknowledged) -> None:
    """Hold the history of a workflow against what its clients and workers were told."""
    description = client.get(f"/workflows/{workflow_id}").json()
    events = _history(client, workflow_id, description["run_id"])
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1)), workflow_id
    types = Counter(event["event_type"] for event in events)
    started = types.pop("ActivityStarted")
    # That the child's second run began may be told after that run has ended, and is dropped then.
    assert types.pop("ChildRunStarted") in (1, 2), f"{workflow_id}: {types}"
    assert types == EXPECTED, f"{workflow_id}: {types}"
    assert started >= ACTIVITIES
    assert events[-1]["event_type"] == "WorkflowCompleted"
    for event in events:
        _check_event(event, workflow_id, acknowledged)
    attempts = _attempts(events)
    for execution, numbers in attempts.items():
        assert numbers == list(range(1, len(numbers) + 1)), f"{execution}: {numbers}"


def _check_event(event: dict[str, Any], workflow_id: str, acknowledged: Acknowledged) -> None:
    payload = event["payload"]
    if event["event_type"] == "SideEffectRecorded":
        told = acknowledged.side_effects.get(workflow_id)
        assert told in (None, payload["result"]), f"{workflow_id}: another side effect than told"
    if event["event_type"] == "ActivityCompleted":
        told = acknowledged.results.get(payload["activity_execution_id"])
        assert told in (None, payload["result"]), f"{workflow_id}: another result than told"


def _attempts(events: list[dict[str, Any]]) -> dict[str, list[int]]:
    attempts: dict[str, list[int]] = {}
    for event in events:
        if event["event_type"] == "ActivityStarted":
            payload = event["payload"]
            numbers = attempts.setdefault(payload["activity_execution_id"], [])
            numbers.append(payload["attempt_number"])
    return attempts


def _history(client: httpx.Client, workflow_id: str, run_id: str) -> list[dict[str, Any]]:
    """Every page of a history; short pages, so that there are several."""
    events: list[dict[str, Any]] = []
    parameters: dict[str, Any] = {"page_size": PAGE_SIZE}
    while True:
        path = f"/workflows/{workflow_id}/runs/{run_id}/history"
        page = client.get(path, params=parameters).json()
        events += page["events"]
        if page["next_page_token"] is None:
            return events
        parameters["next_page_token"] = page["next_page_token"]
