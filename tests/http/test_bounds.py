"""Structural limits as workers meet them, on both databases."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from durable_server.maintenance.timers import fire_due_timers

from tests.http.asking import Asker, asking
from tests.support.databases import KINDS

WORKER = {"worker_id": "w", "task_queue": "q"}
START = {"workflow_id": "order-42", "workflow_type": "order", "task_queue": "q"}
ACTIVITY = {"type": "schedule_activity", "activity_type": "a"}
TIMER = {"type": "start_timer", "delay_seconds": 3600}
CHILD = {"type": "start_child_workflow", "workflow_type": "kid"}
NOTE = {"type": "record_side_effect", "result": "AAAA"}
ATTRIBUTES = {"type": "upsert_search_attributes", "attributes": {"name": "x" * 40}}
MEMO = {"type": "upsert_memo", "entries": {"note": "x" * 40}}
# The setting, its value, what exceeds it, and what is then told.
CASES = {
    "pending_activity_count": ("max_pending_activities", 2, [ACTIVITY] * 3, 3),
    "pending_child_count": ("limit_pending_children", 2, [CHILD] * 3, 3),
    "pending_timer_count": ("limit_pending_timers", 2, [TIMER] * 3, 3),
    "command_batch_size": ("limit_command_batch_size", 2, [NOTE] * 3, 3),
    "history_transaction_size": ("limit_history_transaction_size", 2, [NOTE] * 3, 3),
    "payload_size": ("limit_payload_size_bytes", 3, [NOTE], 4),
    "search_attribute_size": ("limit_search_attribute_size_bytes", 20, [ATTRIBUTES], 51),
    "memo_size": ("max_memo_bytes", 20, [MEMO], 51),
}

ALONE = {"command_batch_size", "history_transaction_size", "payload_size"}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def bounded(kind: str, tmp_path: Path) -> Iterator[Asker]:
    settings = {setting: value for setting, value, _, _ in CASES.values()}
    for hides_others in ALONE:
        del settings[CASES[hides_others][0]]
    with asking(kind, tmp_path, **settings) as asker:
        begin(asker)
        yield asker


def begin(asker: Asker) -> None:
    asker.ask("POST", "/api/worker/register", {**WORKER, "runtime": "python"})
    assert asker.ask("POST", "/api/workflows", START).status == 201


def poll(asker: Asker) -> dict[str, Any]:
    body = {**WORKER, "timeout_seconds": 5}
    task: dict[str, Any] = asker.ask("POST", "/api/worker/workflow-tasks/poll", body).body["task"]
    return task


def complete(asker: Asker, task: dict[str, Any], commands: list[dict[str, Any]]) -> Any:
    held = {"lease_owner": "w", "workflow_task_attempt": task["workflow_task_attempt"]}
    path = f"/api/worker/workflow-tasks/{task['task_id']}/complete"
    return asker.ask("POST", path, {**held, "commands": commands})


def history(asker: Asker, task: dict[str, Any]) -> list[dict[str, Any]]:
    path = f"/api/workflows/{task['workflow_id']}/runs/{task['run_id']}/history"
    events: list[dict[str, Any]] = asker.ask("GET", path).body["events"]
    return events


def refused(asker: Asker, limit_kind: str) -> None:
    """What exceeds the limit is refused as documented, and the task can still be completed."""
    _, limit, commands, value = CASES[limit_kind]
    task = poll(asker)
    answer = complete(asker, task, commands)
    told = {name: answer.body[name] for name in ("outcome", "reason", "limit_kind")}

    assert answer.status == 422
    assert told == {
        "outcome": "rejected",
        "reason": "structural_limit_exceeded",
        "limit_kind": limit_kind,
    }
    assert (answer.body["current_value"], answer.body["configured_limit"]) == (value, limit)
    assert len(history(asker, task)) == 2
    assert complete(asker, task, []).status == 200


@pytest.mark.parametrize("limit_kind", sorted(set(CASES) - ALONE))
def test_what_exceeds_a_limit_is_refused_and_nothing_is_applied(
    bounded: Asker, limit_kind: str
) -> None:
    refused(bounded, limit_kind)


@pytest.mark.parametrize("limit_kind", sorted(ALONE))
def test_a_batch_that_is_too_large_is_refused(kind: str, tmp_path: Path, limit_kind: str) -> None:
    setting, value, _, _ = CASES[limit_kind]
    with asking(kind, tmp_path, **{setting: value}) as asker:
        begin(asker)
        refused(asker, limit_kind)


@pytest.mark.parametrize(
    ("setting", "field", "value"),
    [
        ("limit_payload_size_bytes", "input", ["x" * 40]),
        ("limit_search_attribute_size_bytes", "search_attributes", {"name": "x" * 40}),
        ("max_memo_bytes", "memo", {"name": "x" * 40}),
    ],
)
def test_a_start_that_exceeds_a_limit_is_refused_by_field(
    kind: str, tmp_path: Path, setting: str, field: str, value: Any
) -> None:
    with asking(kind, tmp_path, **{setting: 30}) as asker:
        answer = asker.ask("POST", "/api/workflows", {**START, field: value})
        started = asker.ask("POST", "/api/workflows", START)

    assert (answer.status, list(answer.body["errors"])) == (422, [field])
    assert started.status == 201


@pytest.mark.parametrize(
    ("setting", "path", "limit_kind"),
    [
        ("limit_pending_signals", "signal/go", "pending_signal_count"),
        ("limit_pending_updates", "update/go", "pending_update_count"),
    ],
)
@pytest.mark.parametrize("limit", [2, 0])
def test_a_run_takes_in_as_many_messages_as_its_limit_says(
    kind: str, tmp_path: Path, setting: str, path: str, limit_kind: str, limit: int
) -> None:
    with asking(kind, tmp_path, **{setting: limit}) as asker:
        begin(asker)
        body = {"input": [1], **({"wait_for": "accepted"} if "update" in path else {})}
        target = f"/api/workflows/order-42/{path}"
        answers = [asker.ask("POST", target, body) for _ in range(3)]

    assert [answer.status for answer in answers[:2]] == [202, 202]
    if limit:
        refusal = answers[2].body
        assert (answers[2].status, refusal["reason"]) == (409, "structural_limit_exceeded")
        assert (refusal["limit_kind"], refusal["configured_limit"]) == (limit_kind, limit)
    else:
        assert answers[2].status == 202


def test_without_limits_everything_is_taken(kind: str, tmp_path: Path) -> None:
    with asking(kind, tmp_path, **{setting: 0 for setting, _, _, _ in CASES.values()}) as asker:
        begin(asker)
        commands = [command for _, _, commands, _ in CASES.values() for command in commands]
        answer = complete(asker, poll(asker), commands)

    assert (answer.status, answer.body["recorded"]) == (200, True)


def test_a_run_that_nears_a_limit_is_logged(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with asking(kind, tmp_path, limit_pending_timers=5, limit_warning_percent=60) as asker:
        begin(asker)
        task = poll(asker)
        complete(asker, task, [TIMER] * 3)
    [record] = [r for r in caplog.records if r.getMessage() == "a structural limit is near"]

    assert {name: record.__dict__[name] for name in ("run_id", "limit_kind")} == {
        "run_id": task["run_id"],
        "limit_kind": "pending_timer_count",
    }
    assert (record.__dict__["current_value"], record.__dict__["configured_limit"]) == (3, 5)


def test_a_history_beyond_its_budget_is_to_be_continued(kind: str, tmp_path: Path) -> None:
    budget = {"history_budget_events_soft": 3, "history_budget_events_hard": 6}
    with asking(kind, tmp_path, **budget) as asker:
        begin(asker)
        first = poll(asker)
        seen = [first]
        for steps in (1, 2):
            zero = [{**TIMER, "delay_seconds": 0}]
            complete(asker, seen[-1], [NOTE] * (steps - 1) + zero)
            fire(asker)
            seen.append(poll(asker))

    assert [task["history_budget_pressure"] for task in seen] == [
        "ok",
        "approaching",
        "continue_as_new_recommended",
    ]
    assert [task["continue_as_new_recommended"] for task in seen] == [False, False, True]
    assert seen[1]["history_budget_pressure_dimensions"]["event_count"] == "approaching"


def fire(asker: Asker) -> None:
    """Let the pass over timers run."""
    fire_due_timers(asker.server, asker.server.clock.now(), 10)
