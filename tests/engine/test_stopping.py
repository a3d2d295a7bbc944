"""Cancelling and terminating: the run closes at once and takes everything that is open with it."""

import orjson
import pytest
from durable_server.engine import activity_report, cancel, signal, update, workflow_task
from durable_server.engine.activity_report import Report
from durable_server.engine.client_request import ClientRequest
from durable_server.engine.run_state import Payload
from durable_server.refusal import Refusal

from tests.engine.builders import Story, completion

WHO = {"caller_label": "Standalone Server", "auth_method": "token", "request_method": "POST"}
STOPS = {
    "cancel": ("CancelRequested", "WorkflowCancelled", "cancelled"),
    "terminate": ("TerminateRequested", "WorkflowTerminated", "terminated"),
}
STEP = {"type": "schedule_activity", "activity_type": "charge"}
REST = {"type": "start_timer", "delay_seconds": 60}
NOBODY: tuple[str, None, None, dict[str, object]] = ("order-42", None, None, {})


def asked(kind: str, reason: str | None = None, run_id: str | None = None) -> ClientRequest:
    return ClientRequest(kind, "order-42", run_id, reason, WHO)


def payloads(story: Story, event_type: str) -> list[dict[str, object]]:
    return [orjson.loads(text) for name, text in story.events if name == event_type]


@pytest.mark.parametrize("kind", STOPS)
def test_a_stopped_run_is_closed_and_says_who_asked_and_why(kind: str) -> None:
    requested, stopped, status = STOPS[kind]
    story = Story()

    answer = story.apply(cancel.stop, asked(kind, "changed my mind")).answer

    assert story.types == ["StartAccepted", "WorkflowStarted", requested, stopped]
    assert (story.state.run.status, story.state.run.closed_reason) == (status, status)
    [request], [end] = payloads(story, requested), payloads(story, stopped)
    assert request["command_type"] == kind
    assert request["command"] == {
        "id": answer["command_id"],
        "sequence": 2,
        "type": kind,
        "target_scope": "instance",
        "resolved_run_id": "run-1",
        "source": "control_plane",
        **WHO,
        "status": "accepted",
        "outcome": status,
        "accepted_at": request["command"]["accepted_at"],  # type: ignore[index]
    }
    assert end["message"] == f"Workflow {status}: changed my mind"
    assert (end["reason"], end["failure_category"]) == ("changed my mind", status)
    assert {event.command_id for event in story.recorded[2:]} == {answer["command_id"]}
    assert (answer["outcome"], answer["reason"]) == (status, "changed my mind")


def test_no_reason_is_recorded_where_none_was_given() -> None:
    story = Story()

    story.apply(cancel.stop, asked("cancel"))

    [request], [end] = payloads(story, "CancelRequested"), payloads(story, "WorkflowCancelled")
    assert "reason" not in request
    assert "reason" not in end
    assert end["message"] == "Workflow cancelled."


@pytest.mark.parametrize("kind", STOPS)
def test_open_activities_and_timers_are_cancelled_before_the_end(kind: str) -> None:
    requested, stopped, _ = STOPS[kind]
    story = Story()
    story.lease()
    story.complete(STEP, STEP, REST)
    story.start_activity()
    before = len(story.events)

    story.apply(cancel.stop, asked(kind))

    assert story.types[before:] == [
        requested,
        "ActivityCancelled",
        "ActivityCancelled",
        "TimerCancelled",
        stopped,
    ]
    first, second = payloads(story, "ActivityCancelled")
    assert (first["sequence"], second["sequence"]) == (1, 2)
    assert first["attempt_number"] == 1
    assert "attempt_number" not in second
    assert {task.status for task in story.state.tasks.values()} == {"completed", "cancelled"}
    assert {each.status for each in story.state.activities.values()} == {"cancelled"}
    assert {each.status for each in story.state.timers.values()} == {"cancelled"}
    assert (story.state.run.open_activities, story.state.run.open_timers) == (0, 0)


def test_cancelled_steps_keep_their_place_in_a_parallel_group() -> None:
    story = Story()
    story.lease()
    group = {
        "parallel_group_id": "parallel-calls:1:2",
        "parallel_group_kind": "mixed",
        "parallel_group_base_sequence": 1,
        "parallel_group_size": 2,
    }
    members = [
        {
            **command,
            **group,
            "parallel_group_index": index,
            "parallel_group_path": [{**group, "parallel_group_index": index}],
        }
        for index, command in enumerate((STEP, REST))
    ]
    story.complete(*members)

    story.apply(cancel.stop, asked("cancel"))

    for index, event_type in enumerate(("ActivityCancelled", "TimerCancelled")):
        [payload] = payloads(story, event_type)
        assert payload["parallel_group_id"] == "parallel-calls:1:2"
        assert payload["parallel_group_index"] == index


def test_a_result_that_was_held_back_is_recorded_before_the_request() -> None:
    story = Story()
    story.lease()
    story.complete(STEP, STEP)
    attempt_id = story.start_activity()
    task = next(t for t in story.state.tasks.values() if t.status == "leased")
    report = Report(task.task_id, attempt_id, "worker-1", "completed", "digest")
    story.apply(activity_report.complete, report, Payload("json", "1"))
    assert "ActivityCompleted" not in story.types

    story.apply(cancel.stop, asked("cancel"))

    assert story.types[-4:] == [
        "ActivityCompleted",
        "CancelRequested",
        "ActivityCancelled",
        "WorkflowCancelled",
    ]
    assert payloads(story, "ActivityCancelled")[0]["sequence"] == 2


def test_what_the_run_was_told_is_recorded_and_ends_with_it() -> None:
    story = Story()
    story.lease()
    story.complete({"type": "open_condition_wait", "condition_key": "k", "timeout_seconds": 60})
    story.apply(signal.accept, signal.Wanted(ClientRequest("signal", *NOBODY), "vote", None, None))
    story.lease()
    for name in ("first", "second"):
        request = ClientRequest("update", *NOBODY)
        story.apply(update.accept, update.Wanted(request, name, None, None))
    before = len(story.events)

    story.apply(cancel.stop, asked("cancel"))

    assert story.types[before:] == [
        "UpdateAccepted",
        "UpdateAccepted",
        "CancelRequested",
        "TimerCancelled",
        "WorkflowCancelled",
        "UpdateCompleted",
        "UpdateCompleted",
    ]
    [timer] = payloads(story, "TimerCancelled")
    assert (timer["timer_kind"], timer["condition_key"]) == ("condition_timeout", "k")
    assert {each.status for each in story.state.updates.values()} == {"failed"}
    assert story.state.run.waits == []
    assert (story.state.run.open_signals, story.state.run.open_updates) == (0, 0)


@pytest.mark.parametrize("kind", STOPS)
def test_the_holder_of_the_workflow_task_is_told_to_stop(kind: str) -> None:
    story = Story()
    task_id = story.lease()

    story.apply(cancel.stop, asked(kind))

    for attempt in (
        lambda: workflow_task.heartbeat(story.state, story.moment, task_id, "worker-1", 1),
        lambda: workflow_task.complete(
            story.state,
            story.moment,
            completion(story.state, task_id, {"type": "complete_workflow"}),
        ),
    ):
        with pytest.raises(Refusal) as refused:
            attempt()
        assert refused.value.reason == "run_closed"
        assert refused.value.facts["stop_reason"] == f"run_{STOPS[kind][2]}"
        assert refused.value.facts["cancel_requested"] is True
        assert refused.value.facts["task_status"] == "cancelled"


@pytest.mark.parametrize("kind", STOPS)
def test_a_late_outcome_is_ignored_and_adds_no_event(kind: str) -> None:
    story = Story()
    story.lease()
    story.complete(STEP)
    attempt_id = story.start_activity()
    [task] = [each for each in story.state.tasks.values() if each.kind == "activity"]
    story.apply(cancel.stop, asked(kind))
    report = Report(task.task_id, attempt_id, "worker-1", "completed", "digest")

    beaten = activity_report.heartbeat(story.state, story.moment, report, {})
    with pytest.raises(Refusal) as refused:
        activity_report.complete(story.state, story.moment, report, Payload("json", "1"))

    assert beaten.events == []
    assert beaten.answer["cancel_requested"] is True
    assert beaten.answer["can_continue"] is False
    assert refused.value.reason == f"run_{STOPS[kind][2]}"
    assert refused.value.facts["recorded"] is False
    assert refused.value.facts["activity_status"] == "cancelled"
    assert story.types.count("ActivityCancelled") == 1


def test_a_closed_run_is_not_stopped_again() -> None:
    story = Story()
    story.apply(cancel.stop, asked("cancel"))

    with pytest.raises(Refusal) as refused:
        story.apply(cancel.stop, asked("terminate"))

    assert refused.value.reason == "run_not_active"
    assert refused.value.facts["command_id"] is None
    assert refused.value.facts["outcome"] == "rejected_not_active"


def test_only_the_current_run_can_be_named() -> None:
    story = Story()

    with pytest.raises(Refusal) as historical:
        story.apply(cancel.stop, asked("cancel", run_id="run-0"))
    with pytest.raises(Refusal) as unknown:
        cancel.stop(None, story.moment, asked("cancel"))
    story.apply(cancel.stop, asked("cancel", run_id="run-1"))

    assert historical.value.reason == "historical_run_command_rejected"
    assert unknown.value.reason == "instance_not_found"
    assert story.state.run.status == "cancelled"
