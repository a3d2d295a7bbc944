"""Runs that are stopped, repaired, archived and looked into, on both databases."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from durable_server.store.models import Run, Task

from tests.http.asking import TOKENS, Asker, asking
from tests.support.databases import KINDS

START = {"workflow_id": "order-42", "workflow_type": "order", "task_queue": "q"}
STEP = {"type": "schedule_activity", "activity_type": "charge"}
REST = {"type": "start_timer", "delay_seconds": 3600}
WORKFLOW = "/api/workflows/order-42"


@pytest.fixture(params=KINDS)
def asker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Asker]:
    with asking(request.param, tmp_path) as started:
        body = {"worker_id": "w", "task_queue": "q", "runtime": "python"}
        started.ask("POST", "/api/worker/register", body)
        yield started


def get(asker: Asker, path: str) -> Any:
    answer = asker.ask("GET", path)
    assert answer.status == 200, answer.body
    return answer.body


def post(asker: Asker, path: str, body: Any = None, status: int = 200) -> Any:
    answer = asker.ask("POST", path, body)
    assert answer.status == status, answer.body
    return answer.body


def poll(asker: Asker, kind: str, seconds: int = 5) -> Any:
    body = {"worker_id": "w", "task_queue": "q", "timeout_seconds": seconds}
    return post(asker, f"/api/worker/{kind}-tasks/poll", body)["task"]


def complete(asker: Asker, *commands: dict[str, Any]) -> None:
    task = poll(asker, "workflow")
    body = {
        "lease_owner": "w",
        "workflow_task_attempt": task["workflow_task_attempt"],
        "commands": list(commands),
    }
    post(asker, f"/api/worker/workflow-tasks/{task['task_id']}/complete", body)


def types(asker: Asker, run_id: str) -> list[str]:
    events = get(asker, f"{WORKFLOW}/runs/{run_id}/history")["events"]
    return [event["event_type"] for event in events]


def damage(asker: Asker, *statements: Any) -> None:
    """Change rows behind the engine's back."""
    connection = asker.server.store.connect()
    try:
        with connection.transaction() as tx:
            for statement in statements:
                statement.execute(tx.database)
    finally:
        connection.close()


def test_a_lost_workflow_task_is_told_and_made_again(asker: Asker) -> None:
    run_id = post(asker, "/api/workflows", START, 201)["run_id"]
    damage(asker, Task.delete())

    seen = get(asker, f"{WORKFLOW}/debug")
    repaired = post(asker, f"{WORKFLOW}/repair")
    again = post(asker, f"{WORKFLOW}/repair")

    assert seen["diagnostic_status"] == "needs_attention"
    assert seen["execution"]["liveness_state"] == "repair_needed"
    assert seen["pending_workflow_tasks"][0]["transport_state"] == "missing"
    assert "repair_attention" in [each["code"] for each in seen["findings"]]
    assert (repaired["outcome"], again["outcome"]) == ("repair_dispatched", "repair_not_needed")
    complete(asker, {"type": "complete_workflow"})
    assert get(asker, WORKFLOW)["status"] == "completed"
    assert types(asker, run_id)[2:] == ["RepairRequested", "RepairRequested", "WorkflowCompleted"]


def test_a_run_that_nothing_would_resume_is_told_and_repaired(asker: Asker) -> None:
    post(asker, "/api/workflows", START, 201)
    damage(asker, Task.delete(), Run.update(task_id=None))

    before = get(asker, WORKFLOW)
    post(asker, f"{WORKFLOW}/repair")
    after = get(asker, WORKFLOW)

    assert (before["liveness_state"], before["wait_kind"]) == ("repair_needed", None)
    assert (after["liveness_state"], after["wait_kind"]) == ("workflow_task_ready", "workflow-task")
    complete(asker, {"type": "complete_workflow"})


def test_an_activity_that_lost_its_task_is_offered_again(asker: Asker) -> None:
    post(asker, "/api/workflows", START, 201)
    complete(asker, STEP)
    damage(asker, Task.delete().where(Task.kind == "activity"))
    assert poll(asker, "activity", 0) is None

    repaired = post(asker, f"{WORKFLOW}/repair")

    assert repaired["outcome"] == "repair_dispatched"
    task = poll(asker, "activity")
    body = {"activity_attempt_id": task["activity_attempt_id"], "lease_owner": "w"}
    post(asker, f"/api/worker/activity-tasks/{task['task_id']}/complete", body)
    complete(asker, {"type": "complete_workflow"})
    assert get(asker, WORKFLOW)["status"] == "completed"


def test_a_run_with_thousands_of_open_steps_is_cancelled_whole(asker: Asker) -> None:
    run_id = post(asker, "/api/workflows", START, 201)["run_id"]
    complete(asker, *[STEP] * 600, *[REST] * 400)

    stopped = post(asker, f"{WORKFLOW}/cancel", {"reason": "too much"})

    assert stopped["outcome"] == "cancelled"
    seen = get(asker, f"{WORKFLOW}/debug")
    assert seen["diagnostic_status"] == "terminal"
    assert {name: seen["counts"][name] for name in ("activities", "timers")} == {
        "activities": 0,
        "timers": 0,
    }
    assert (seen["pending_activities"], seen["pending_timers"]) == ([], [])
    assert poll(asker, "activity", 0) is None
    assert seen["counts"]["history_events"] == 2 + 1000 + 1 + 1000 + 1
    page = get(asker, f"{WORKFLOW}/runs/{run_id}/history?page_size=1000&next_page_token=MTAwMg==")
    counted = [event["event_type"] for event in page["events"]]
    assert counted[0] == "CancelRequested"
    assert counted.count("ActivityCancelled") == 600


def test_a_result_of_an_incomplete_group_is_in_the_history_of_a_stopped_run(
    asker: Asker,
) -> None:
    run_id = post(asker, "/api/workflows", START, 201)["run_id"]
    complete(asker, STEP, STEP, REST)
    task = poll(asker, "activity")
    body = {"activity_attempt_id": task["activity_attempt_id"], "lease_owner": "w"}
    reported = post(asker, f"/api/worker/activity-tasks/{task['task_id']}/complete", body)

    post(asker, f"{WORKFLOW}/terminate")

    assert reported["recorded"] is True
    assert types(asker, run_id)[6:] == [
        "ActivityCompleted",
        "TerminateRequested",
        "ActivityCancelled",
        "TimerCancelled",
        "WorkflowTerminated",
    ]


def test_lists_of_the_snapshot_are_bounded_and_stand_beside_their_counts(asker: Asker) -> None:
    post(asker, "/api/workflows", START, 201)
    complete(asker, *[STEP] * 40, *[REST] * 30)

    seen = get(asker, f"{WORKFLOW}/debug?include_last_event_payload=1")

    assert (len(seen["pending_activities"]), len(seen["pending_timers"])) == (25, 25)
    assert (seen["counts"]["activities"], seen["counts"]["timers"]) == (40, 30)
    assert len(seen["recent_events"]) == 25
    assert [each["sequence"] for each in seen["pending_activities"]] == list(range(1, 26))
    assert seen["task_queue"]["stats"]["activity_tasks"]["ready_count"] == 40
    assert len(seen["execution"]["last_event"]["payload_preview"]["data"]) <= 4096


def test_the_snapshot_tells_of_children_messages_and_waits(asker: Asker) -> None:
    post(asker, "/api/workflows", START, 201)
    complete(asker, {"type": "start_child_workflow", "workflow_type": "ship", "queue": "far"})
    post(asker, f"{WORKFLOW}/signal/go", {}, 202)
    post(asker, f"{WORKFLOW}/update/set", {}, 202)

    seen = get(asker, f"{WORKFLOW}/debug")

    [child], [signal] = seen["pending_children"], seen["pending_signals"]
    [update] = seen["pending_updates"]
    assert (child["workflow_type"], child["status"]) == ("ship", "started")
    assert (signal["signal_name"], update["update_name"]) == ("go", "set")
    assert signal["in_history"] is update["in_history"] is True
    assert {name: seen["counts"][name] for name in ("children", "signals", "updates")} == {
        "children": 1,
        "signals": 1,
        "updates": 1,
    }


def test_the_snapshot_tells_of_an_open_wait_and_its_timer(asker: Asker) -> None:
    post(asker, "/api/workflows", START, 201)
    wait = {"type": "open_condition_wait", "condition_key": "paid", "timeout_seconds": 60}
    complete(asker, wait)

    seen = get(asker, f"{WORKFLOW}/debug")

    assert seen["execution"]["liveness_state"] == "waiting_for_condition"
    assert (seen["diagnostic_status"], seen["counts"]["waits"]) == ("waiting", 1)
    assert (seen["open_waits"][0]["kind"], seen["open_waits"][0]["key"]) == ("condition", "paid")
    assert seen["pending_timers"][0]["timer_kind"] == "condition_timeout"
    assert seen["execution"]["next_scheduled_event"]["source"] == "timer"


def test_the_snapshot_tells_of_failing_tasks_and_of_failures(asker: Asker) -> None:
    post(asker, "/api/workflows", START, 201)
    complete(asker, STEP)
    task = poll(asker, "activity")
    body = {"activity_attempt_id": task["activity_attempt_id"], "lease_owner": "w"}
    failure = {"message": "no money", "type": "Broke"}
    post(asker, f"/api/worker/activity-tasks/{task['task_id']}/fail", {**body, "failure": failure})
    task = poll(asker, "workflow")
    held = {"lease_owner": "w", "workflow_task_attempt": task["workflow_task_attempt"]}
    path = f"/api/worker/workflow-tasks/{task['task_id']}"
    seen_leased = get(asker, f"{WORKFLOW}/debug")
    post(asker, f"{path}/fail", {**held, "failure": {"message": "does not fit"}})

    seen, described = get(asker, f"{WORKFLOW}/debug"), get(asker, WORKFLOW)

    [leased] = seen_leased["pending_workflow_tasks"]
    assert (leased["transport_state"], leased["lease_owner"]) == ("leased", "w")
    assert seen_leased["task_queue"]["current_leases"][0]["task_id"] == task["task_id"]
    [failing] = seen["pending_workflow_tasks"]
    assert (failing["transport_state"], failing["failure_count"]) == ("scheduled", 1)
    assert (failing["last_error"], failing["next_attempt_at"]) == (
        "does not fit",
        failing["available_at"],
    )
    assert seen["execution"]["task_problem"] is True
    assert described["workflow_task_failure"] == {
        "failure_count": 1,
        "message": "does not fit",
        "next_attempt_at": failing["next_attempt_at"],
    }
    [failed] = seen["recent_failures"]
    assert (failed["source_kind"], failed["message"]) == ("activity_execution", "no money")


def test_an_archived_run_is_told_so_in_lists_and_descriptions(asker: Asker) -> None:
    post(asker, "/api/workflows", START, 201)
    post(asker, f"{WORKFLOW}/terminate")
    listed = get(asker, "/api/workflows")["workflows"][0]["archived_at"]

    post(asker, f"{WORKFLOW}/archive", {"reason": "old"})

    archived_at = get(asker, WORKFLOW)["archived_at"]
    assert listed is None
    assert archived_at is not None
    assert get(asker, "/api/workflows")["workflows"][0]["archived_at"] == archived_at


def test_a_reason_of_a_thousand_characters_is_kept_and_one_more_refused(asker: Asker) -> None:
    run_id = post(asker, "/api/workflows", START, 201)["run_id"]

    refused = asker.ask("POST", f"{WORKFLOW}/cancel", {"reason": "\u00e9" * 1001})
    post(asker, f"{WORKFLOW}/cancel", {"reason": "\u00e9" * 1000})

    assert (refused.status, list(refused.body["errors"])) == (422, ["reason"])
    events = get(asker, f"{WORKFLOW}/runs/{run_id}/history")["events"]
    assert events[-1]["payload"]["reason"] == "\u00e9" * 1000


def test_the_history_says_who_asked_how_and_from_where(tmp_path: Path) -> None:
    tokens = {f"{role}_token": token for role, token in TOKENS.items()}
    with asking("sqlite", tmp_path, auth_driver="token", **tokens) as asker:
        asker.headers["Authorization"] = f"Bearer {TOKENS['operator']}"
        run_id = post(asker, "/api/workflows", START, 201)["run_id"]
        asker.headers["X-Correlation-Id"] = "ticket-7"
        post(asker, f"{WORKFLOW}/cancel", {"request_id": "mine"})
        events = get(asker, f"{WORKFLOW}/runs/{run_id}/history")["events"]

    command = events[2]["payload"]["command"]
    told = {"auth_method": "token", "auth_status": "authorized", "principal_role": "operator"}
    told |= {"request_method": "POST", "request_path": f"{WORKFLOW}/cancel"}
    told |= {"correlation_id": "ticket-7", "caller_request_id": "mine", "sequence": 2}
    assert {name: command[name] for name in told} == told
