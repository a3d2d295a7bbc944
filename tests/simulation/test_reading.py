"""What can be read of a run agrees with what is stored, and reading changes nothing."""

from typing import Any

import pytest

from tests.invariants.reading import read_everything
from tests.simulation.parties import QUEUE
from tests.simulation.scene import Scene, a_scene, completing, updating

WAIT = {"type": "open_condition_wait", "condition_key": "ready", "timeout_seconds": 60}
STEPS = (
    {"type": "record_side_effect", "result": "AAA="},
    {"type": "upsert_search_attributes", "attributes": {"stage": "early"}},
    {"type": "start_timer", "delay_seconds": 0},
)


def a_long_run(scene: Scene) -> str:
    """A run with events of many kinds, whose workflow task is ready."""
    run_id = scene.start()
    scene.work(*STEPS)
    scene.sweep()
    scene.work({"type": "schedule_activity", "activity_type": "charge"})
    attempt = scene.poll("activity")
    body = {"activity_attempt_id": attempt["activity_attempt_id"], "lease_owner": "anna"}
    path = f"/api/worker/activity-tasks/{attempt['task_id']}/complete"
    assert scene.ask("POST", path, {**body, "result": "AAA="}).status == 200
    scene.work(WAIT)
    scene.signal("s1")
    return run_id


def stored(scene: Scene, run_id: str) -> list[tuple[int, str]]:
    """Number and type of each event, as stored."""
    return [
        (event.sequence, event.event_type) for event in scene.world.judge.rows_of(run_id).events
    ]


def told(events: list[dict[str, Any]]) -> list[tuple[int, str]]:
    """Number and type of each event, as somebody was told."""
    return [(event["sequence"], event["event_type"]) for event in events]


def pages_for_worker(scene: Scene, size: int) -> list[dict[str, Any]]:
    """The history of the task that is ready, page by page."""
    task = scene.poll(history_page_size=size)
    events, token = list(task["history_events"]), task["next_history_page_token"]
    lease = {
        "lease_owner": task["lease_owner"],
        "workflow_task_attempt": task["workflow_task_attempt"],
    }
    while token:
        body = {**lease, "next_history_page_token": token, "history_page_size": size}
        path = f"/api/worker/workflow-tasks/{task['task_id']}/history"
        page = scene.ask("POST", path, body).body
        events += page["history_events"]
        token = page["next_history_page_token"]
    return events


def pages_for_client(scene: Scene, run_id: str, size: int) -> list[dict[str, Any]]:
    """The history of the run, page by page."""
    path = f"/api/workflows/order-1/runs/{run_id}/history"
    events: list[dict[str, Any]] = []
    token = None
    while True:
        query = f"page_size={size}" + (f"&next_page_token={token}" if token else "")
        page = scene.ask("GET", f"{path}?{query}").body
        events += page["events"]
        token = page["next_page_token"]
        if not token:
            return events


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_pages_together_are_the_history_in_every_rendering(size: int) -> None:
    with a_scene() as scene:
        run_id = a_long_run(scene)
        wanted = stored(scene, run_id)
        assert len(wanted) >= 12
        assert told(pages_for_worker(scene, size)) == wanted
        assert told(pages_for_client(scene, run_id, size)) == wanted
        assert told(asked(scene)) == wanted
        assert exported(scene, run_id) == wanted


def exported(scene: Scene, run_id: str) -> list[tuple[int, str]]:
    """Number and type of each event of the bundle."""
    bundle = scene.ask("GET", f"/api/workflows/order-1/runs/{run_id}/history/export").body
    return [(event["sequence"], event["type"]) for event in bundle["history_events"]]


def asked(scene: Scene) -> list[dict[str, Any]]:
    """The history that a worker is given to answer a query with."""
    query = scene.send("POST", "/api/workflows/order-1/query/state", {"input": []})
    scene.carry_out()
    assert query.status == 0, query.body
    body = {"worker_id": "anna", "task_queue": QUEUE, "timeout_seconds": 0}
    task = scene.ask("POST", "/api/worker/query-tasks/poll", body).body["task"]
    events: list[dict[str, Any]] = task["history_events"]
    path = f"/api/worker/query-tasks/{task['query_task_id']}/complete"
    done = {
        "lease_owner": "anna",
        "query_task_attempt": task["query_task_attempt"],
        "result": "blue",
    }
    assert scene.ask("POST", path, done).status == 200
    assert (query.status, query.body["result"]) == (200, "blue")
    return events


def test_reading_and_asking_change_nothing_of_any_run() -> None:
    with a_scene() as scene:
        run_id = a_long_run(scene)
        before = read_everything(scene.world.judge.execute)
        asked(scene)
        pages_for_client(scene, run_id, 2)
        for path in (
            "/api/workflows",
            "/api/workflows/order-1",
            "/api/workflows/order-1/runs",
            f"/api/workflows/order-1/runs/{run_id}",
            "/api/workflows/order-1/debug",
        ):
            assert scene.ask("GET", path).status == 200, path
        assert read_everything(scene.world.judge.execute) == before


def test_a_completion_that_is_repeated_is_answered_as_before_and_adds_nothing() -> None:
    with a_scene() as scene:
        run_id = a_long_run(scene)
        request = completing(scene.poll(), WAIT)
        first = scene.ask(*request)
        before = scene.types(run_id)
        assert scene.ask(*request).body == first.body
        assert scene.types(run_id) == before


def test_an_update_that_is_repeated_is_one_update() -> None:
    with a_scene() as scene:
        run_id = a_long_run(scene)
        first, second = scene.ask(*updating("u1")), scene.ask(*updating("u1"))
        assert first.body["update_id"] == second.body["update_id"]
        assert scene.types(run_id).count("UpdateAccepted") == 1


def test_a_refused_batch_leaves_no_trace_wherever_the_bad_command_stands() -> None:
    with a_scene() as scene:
        a_long_run(scene)
        task = scene.poll()
        for bad in ({"type": "fly"}, {"type": "start_timer", "delay_seconds": -1}):
            for place in range(3):
                batch = [*STEPS[:2]]
                batch.insert(place, bad)
                before = read_everything(scene.world.judge.execute)
                assert scene.ask(*completing(task, *batch)).status == 422
                assert read_everything(scene.world.judge.execute) == before
        assert scene.ask(*completing(task, {"type": "complete_workflow"})).status == 200


def test_signals_come_to_the_worker_in_the_order_in_which_they_were_sent() -> None:
    with a_scene() as scene:
        scene.start()
        scene.work(WAIT)
        sent = [scene.signal(f"s{number}").body for number in range(3)]
        resumed = []
        for _ in sent:
            task = scene.poll()
            resumed.append(task["workflow_command_id"])
            scene.ask(*completing(task, WAIT))
        assert resumed == [each["command_id"] for each in sent]


def test_a_run_that_ended_while_a_worker_holds_its_activity_needs_no_repair() -> None:
    with a_scene() as scene:
        scene.start()
        scene.work({"type": "schedule_activity", "activity_type": "charge"}, WAIT)
        assert scene.poll("activity") is not None
        scene.signal("s1")
        scene.work({"type": "complete_workflow"})
        debug = scene.ask("GET", "/api/workflows/order-1/debug").body
        assert debug["execution"]["liveness_state"] == "closed"
        assert debug["findings"] == []
