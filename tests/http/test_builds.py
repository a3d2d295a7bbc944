"""Runs that are pinned to a build: whoever they bring about is for workers of that build too."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.http.asking import Asker, asking
from tests.support.databases import KINDS

START = {"workflow_id": "order-42", "workflow_type": "order", "task_queue": "q"}
ACTIVITY = {"type": "schedule_activity", "activity_type": "a"}
CHILD = {"type": "start_child_workflow", "workflow_type": "kid"}
AGAIN = {"type": "continue_as_new"}
BUILDS = {"plain": None, "green": "green", "blue": "blue"}


@pytest.fixture(params=KINDS)
def asker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Asker]:
    """A server with a worker of no build and one of each of two."""
    with asking(request.param, tmp_path) as asker:
        for worker, build in BUILDS.items():
            body = {"worker_id": worker, "task_queue": "q", "runtime": "python", "build_id": build}
            assert asker.ask("POST", "/api/worker/register", body).status == 201
        yield asker


def poll(asker: Asker, worker: str, kind: str = "workflow", seconds: int = 0) -> Any:
    body = {"worker_id": worker, "task_queue": "q", "timeout_seconds": seconds}
    return asker.ask("POST", f"/api/worker/{kind}-tasks/poll", body).body["task"]


def only_blue(asker: Asker, kind: str = "workflow") -> dict[str, Any]:
    """The task that nobody but the worker of build blue is given."""
    assert poll(asker, "plain", kind) is None
    assert poll(asker, "green", kind) is None
    task: dict[str, Any] = poll(asker, "blue", kind, seconds=5)
    assert task is not None
    return task


def complete(asker: Asker, task: dict[str, Any], *commands: dict[str, Any]) -> None:
    attempt = task["workflow_task_attempt"]
    body = {"lease_owner": task["lease_owner"], "workflow_task_attempt": attempt}
    path = f"/api/worker/workflow-tasks/{task['task_id']}/complete"
    answer = asker.ask("POST", path, {**body, "commands": list(commands)})
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("field", ["build_id", "compatibility"])
def test_a_run_its_activities_and_its_continuation_stay_with_their_build(
    asker: Asker, field: str
) -> None:
    asker.ask("POST", "/api/workflows", {**START, field: "blue"})
    task = only_blue(asker)
    complete(asker, task, ACTIVITY)
    attempt = only_blue(asker, "activity")
    report = {"activity_attempt_id": attempt["activity_attempt_id"], "lease_owner": "blue"}
    asker.ask("POST", f"/api/worker/activity-tasks/{attempt['task_id']}/complete", report)
    complete(asker, only_blue(asker), AGAIN)
    following = only_blue(asker)

    assert task["compatibility"] == following["compatibility"] == "blue"
    assert following["run_id"] != task["run_id"]


def test_a_child_stays_with_the_build_of_its_parent(asker: Asker) -> None:
    asker.ask("POST", "/api/workflows", {**START, "build_id": "blue"})
    complete(asker, only_blue(asker), CHILD)

    assert only_blue(asker)["workflow_type"] == "kid"


def test_what_is_not_pinned_is_for_every_build(asker: Asker) -> None:
    given = []
    for worker in BUILDS:
        asker.ask("POST", "/api/workflows", {**START, "workflow_id": f"for-{worker}"})
        given.append(poll(asker, worker, seconds=5)["workflow_id"])

    assert given == [f"for-{worker}" for worker in BUILDS]


def test_a_parked_worker_of_another_build_is_passed_over(asker: Asker) -> None:
    for number in range(3):
        pinned = {**START, "workflow_id": f"pinned-{number}", "build_id": "nobody"}
        asker.ask("POST", "/api/workflows", pinned)
    asker.ask("POST", "/api/workflows", START)

    assert poll(asker, "plain", seconds=5)["workflow_id"] == "order-42"
