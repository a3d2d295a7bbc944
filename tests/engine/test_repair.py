"""Repair and archive: what is missing is made again, what is in order stays as it is."""

import orjson
import pytest
from durable_server.engine import archive, cancel, liveness, repair, signal
from durable_server.engine.client_request import ClientRequest
from durable_server.refusal import Refusal

from tests.engine.builders import Story

STEP = {"type": "schedule_activity", "activity_type": "charge"}
REST = {"type": "start_timer", "delay_seconds": 60}


def asked(kind: str, reason: str | None = None) -> ClientRequest:
    return ClientRequest(kind, "order-42", None, reason, {})


def last(story: Story) -> dict[str, object]:
    event_type, text = story.events[-1]
    return {"event_type": event_type, **orjson.loads(text)}


@pytest.mark.parametrize("commands", [[], [STEP], [REST], [STEP, REST]])
def test_a_run_in_order_stays_as_it_is(commands: list[dict[str, object]]) -> None:
    story = Story()
    if commands:
        story.lease()
        story.complete(*commands)
    before = story.state

    decision = story.apply(repair.repair, asked("repair"))

    assert decision.answer["outcome"] == "repair_not_needed"
    assert (decision.tasks, decision.activities, decision.timers) == ({}, {}, {})
    assert story.state.tasks == before.tasks
    told = last(story)
    assert (told["event_type"], told["outcome"]) == ("RepairRequested", "repair_not_needed")
    assert told["liveness_state"] != liveness.REPAIR_NEEDED


def test_a_leased_task_is_in_order() -> None:
    story = Story()
    task_id = story.lease()

    story.apply(repair.repair, asked("repair"))

    told = last(story)
    assert (told["outcome"], told["liveness_state"]) == (
        "repair_not_needed",
        "workflow_task_leased",
    )
    assert told["task_id"] == task_id
    story.complete({"type": "complete_workflow"}, task_id=task_id)
    assert story.state.run.status == "completed"


def test_a_lost_workflow_task_is_made_again() -> None:
    story = Story()
    lost = story.task_id()
    story.state.tasks.clear()

    decision = story.apply(repair.repair, asked("repair"))

    assert decision.answer["outcome"] == "repair_dispatched"
    assert story.task_id() != lost
    told = last(story)
    assert told["liveness_state"] == liveness.REPAIR_NEEDED
    assert (told["task_id"], told["task_type"]) == (story.task_id(), "workflow")
    story.lease()
    story.complete({"type": "complete_workflow"})
    assert story.state.run.status == "completed"


def test_a_run_that_waits_for_nothing_gets_a_workflow_task() -> None:
    story = Story()
    story.state.tasks.clear()
    story.state.run.task_id = None
    found = liveness.liveness_of(story.state.run, liveness.OpenWork())

    story.apply(repair.repair, asked("repair"))

    assert found.state == liveness.REPAIR_NEEDED
    assert story.state.tasks[story.task_id()].status == "ready"


def test_a_run_that_forgot_its_task_is_reminded_of_it() -> None:
    story = Story()
    kept = story.task_id()
    story.state.run.task_id = None

    decision = story.apply(repair.repair, asked("repair"))

    assert decision.answer["outcome"] == "repair_not_needed"
    assert story.task_id() == kept


def test_an_activity_that_lost_its_task_gets_another() -> None:
    story = Story()
    story.lease()
    story.complete(STEP)
    story.start_activity()
    [activity] = story.state.activities.values()
    del story.state.tasks[activity.task_id or ""]

    decision = story.apply(repair.repair, asked("repair"))

    assert decision.answer["outcome"] == "repair_dispatched"
    assert last(story)["task_type"] == "activity"
    [mended] = story.state.activities.values()
    assert (mended.status, mended.lease_owner) == ("pending", None)
    assert story.start_activity().endswith(".2")
    assert story.state.run.task_id is None


@pytest.mark.parametrize(
    ("wait", "kind", "state", "reason"),
    [
        (
            {"type": "open_condition_wait", "condition_key": "paid"},
            "condition",
            "waiting_for_condition",
            "Waiting for condition paid",
        ),
        (
            {"type": "open_condition_wait", "timeout_seconds": 60},
            "condition",
            "waiting_for_condition",
            "Waiting for condition or timeout",
        ),
        (
            {"type": "open_signal_wait", "signal_name": "go"},
            "signal",
            "waiting_for_signal",
            "Waiting for signal go",
        ),
        (REST, "timer", "timer_scheduled", "Waiting for timer"),
        (
            {"type": "start_child_workflow", "workflow_type": "ship"},
            "child",
            "waiting_for_child",
            "Waiting for child workflow ship",
        ),
    ],
)
def test_a_run_tells_what_it_waits_for_and_needs_no_repair(
    wait: dict[str, object], kind: str, state: str, reason: str
) -> None:
    story = Story()
    story.lease()
    story.complete(wait)
    work = liveness.work_of([], story.state.children.values())

    assert liveness.wait_of(story.state.run, work) == (kind, reason)
    assert liveness.liveness_of(story.state.run, work).state == state
    answer = story.apply(repair.repair, asked("repair")).answer
    assert answer["outcome"] == "repair_not_needed"
    assert last(story)["wait_kind"] == kind


def test_a_message_that_nobody_takes_does_not_resume_a_run() -> None:
    story = Story()
    request = ClientRequest("signal", "order-42", None, None, {})
    story.apply(signal.accept, signal.Wanted(request, "vote", None, None))
    story.state.run.task_id = None
    story.state.tasks.clear()

    found = liveness.liveness_of(story.state.run, liveness.OpenWork())

    assert liveness.wait_of(story.state.run, liveness.OpenWork()).kind == "signal"
    assert found.state == liveness.REPAIR_NEEDED
    answer = story.apply(repair.repair, asked("repair")).answer
    assert answer["outcome"] == "repair_dispatched"


def test_a_closed_run_is_not_repaired() -> None:
    story = Story()
    story.apply(cancel.stop, asked("cancel"))

    with pytest.raises(Refusal) as refused:
        story.apply(repair.repair, asked("repair"))

    assert refused.value.reason == "run_not_active"


def test_a_closed_run_is_archived_once() -> None:
    story = Story()
    story.apply(cancel.stop, asked("cancel"))
    story.advance(5)

    first = story.apply(archive.archive, asked("archive", "old"))
    archived_at = story.state.run.archived_at
    story.advance(5)
    second = story.apply(archive.archive, asked("archive", "older"))

    assert (first.answer["outcome"], first.answer["reason"]) == ("archived", "old")
    assert second.answer["outcome"] == "archive_not_needed"
    assert story.types[-3:] == ["WorkflowCancelled", "ArchiveRequested", "WorkflowArchived"]
    assert last(story)["archive_command_id"] == first.answer["command_id"]
    assert last(story)["reason"] == "old"
    assert story.state.run.archived_at == archived_at


def test_an_open_run_is_not_archived() -> None:
    story = Story()

    with pytest.raises(Refusal) as refused:
        story.apply(archive.archive, asked("archive"))

    assert refused.value.reason == "run_not_closed"
    assert refused.value.facts["outcome"] == "rejected_run_not_closed"


def test_what_a_run_waits_for_is_told_with_what_resumes_it() -> None:
    story = Story()
    assert liveness.wait_of(story.state.run, liveness.OpenWork()) == (
        "workflow-task",
        "Workflow task ready",
    )
    story.lease()
    assert liveness.liveness_of(story.state.run, liveness.OpenWork()).state == (
        "workflow_task_leased"
    )
    story.complete(STEP)
    [activity] = story.state.activities.values()
    work = liveness.work_of([activity], [])
    assert liveness.wait_of(story.state.run, work).reason == "Waiting for activity charge"
    assert liveness.liveness_of(story.state.run, work).state == "activity_task_ready"
