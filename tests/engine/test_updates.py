"""Updates are carried out once, after what came before, and end with their run at the latest."""

from typing import Any

import orjson
import pytest
from durable_server.engine import activity_report, cancel, timeouts, update, workflow_task
from durable_server.engine.activity_report import Report
from durable_server.engine.client_request import ClientRequest
from durable_server.engine.decision import Decision
from durable_server.engine.run_state import Payload, RunDetails, Update, Workflow
from durable_server.engine.update import Receipt, Rejection, Wanted
from durable_server.refusal import Refusal

from tests.engine.builders import Story, completion

STEP = {"type": "schedule_activity", "activity_type": "charge"}
LAST = {"type": "complete_workflow", "result": "AAIxAg=="}
ARGUMENTS = Payload("plain", '["red"]')


def wish(
    name: str = "paint",
    request_id: str | None = None,
    *,
    run_id: str | None = None,
    digest: str = "sha256:1",
    arguments: Payload | None = ARGUMENTS,
    rejection: Rejection | None = None,
) -> Wanted:
    attribution = {"caller_label": "client", "request_fingerprint": digest}
    request = ClientRequest("update", "order-42", run_id, None, attribution)
    return Wanted(request, name, arguments, request_id, rejection)


def ask(story: Story, *arguments: Any, **wanted: Any) -> Receipt:
    receipt: Receipt = story.apply(update.accept, wish(*arguments, **wanted)).answer
    return receipt


def waiting(**limits: int) -> Story:
    """A run whose first task is over, and which waits for nothing that is known."""
    story = Story(**limits)
    story.lease()
    story.complete()
    return story


def finish(story: Story, update_id: str, **command: Any) -> Decision:
    """The worker that holds the task carries the update out."""
    return story.complete({"type": "complete_update", "update_id": update_id, **command})


def payload(story: Story, event_type: str) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(next(t for n, t in story.events if n == event_type))
    return found


def context(story: Story) -> dict[str, Any]:
    """Why the open task exists."""
    resume = story.state.tasks[story.task_id()].resume
    return orjson.loads(resume) if resume else {}


def row(story: Story, receipt: Receipt) -> Update:
    return story.state.updates[receipt.update.update_id]


def test_an_accepted_update_is_recorded_and_gets_a_task_of_its_own() -> None:
    story = waiting()

    receipt = ask(story, "paint", "request-1")

    told = payload(story, "UpdateAccepted")
    update_id = receipt.update.update_id
    assert (told["update_id"], told["update_name"]) == (update_id, "paint")
    assert (told["ordering_state"], told["payload_codec"]) == ("ready", "avro")
    assert told["arguments"] == receipt.update.arguments
    assert (told["command"]["type"], told["command"]["target_name"]) == ("update", "paint")
    assert context(story) == {
        "workflow_wait_kind": "update",
        "open_wait_id": f"update:{update_id}",
        "resume_source_kind": "workflow_update",
        "resume_source_id": update_id,
        "workflow_update_id": update_id,
        "workflow_command_id": receipt.update.command_id,
    }
    assert (receipt.update.status, receipt.update.command_sequence) == ("accepted", 2)
    assert story.state.run.open_updates == 1


def test_a_completed_update_is_applied_and_the_code_is_run_again() -> None:
    story = waiting()
    receipt = ask(story)
    story.lease()

    finish(story, receipt.update.update_id, result={"codec": "avro", "blob": "AAIxAg=="})

    assert story.types[-3:] == ["UpdateAccepted", "UpdateApplied", "UpdateCompleted"]
    applied, completed = payload(story, "UpdateApplied"), payload(story, "UpdateCompleted")
    assert applied["arguments"] == receipt.update.arguments
    # A step that is not open yet is not named: some workers would wait for it.
    assert ("sequence" in applied, completed["sequence"]) == (False, 1)
    assert (completed["result"], completed["payload_codec"]) == ("AAIxAg==", "avro")
    closed = row(story, receipt)
    assert (closed.status, closed.step, closed.result) == ("completed", 1, "AAIxAg==")
    assert closed.closed_at == story.now
    assert story.state.run.open_updates == 0
    # The step number is lent: the next command takes it.
    assert (story.state.run.next_step, context(story)) == (1, {})


def test_a_failed_update_tells_its_failure_and_is_not_applied() -> None:
    story = waiting()
    receipt = ask(story)
    story.lease()

    story.complete(
        {
            "type": "fail_update",
            "update_id": receipt.update.update_id,
            "message": "out of paint",
            "exception_type": "OutOfPaint",
            "non_retryable": True,
        }
    )

    assert "UpdateApplied" not in story.types
    told = payload(story, "UpdateCompleted")
    assert (told["message"], told["exception_type"]) == ("out of paint", "OutOfPaint")
    assert (told["exception_class"], told["non_retryable"]) == ("OutOfPaint", True)
    assert told["exception"]["message"] == "out of paint"
    assert (told["failure_category"], "result" in told) == ("application", False)
    assert row(story, receipt).status == "failed"
    assert context(story) == {}


def test_an_update_that_is_applied_during_a_wait_names_the_wait() -> None:
    story = Story()
    story.lease()
    story.complete(
        {"type": "record_side_effect", "result": "AAIxAg=="},
        {"type": "open_condition_wait", "condition_key": "painted"},
    )
    receipt = ask(story)
    story.lease()

    finish(story, receipt.update.update_id)

    assert payload(story, "ConditionWaitOpened")["sequence"] == 2
    assert payload(story, "UpdateApplied")["sequence"] == 2


def test_without_arguments_and_result_there_are_no_such_members() -> None:
    story = waiting()
    receipt = ask(story, arguments=None)
    story.lease()

    finish(story, receipt.update.update_id)

    for name in ("UpdateAccepted", "UpdateApplied"):
        assert "arguments" not in payload(story, name)
        assert payload(story, name)["payload_codec"] == "avro"
    assert "result" not in payload(story, "UpdateCompleted")


def test_the_same_request_id_gets_the_same_update() -> None:
    story = waiting()
    first = ask(story, "paint", "request-1")
    story.state.requests[("update", "request-1")] = first.update

    second = ask(story, "paint", "request-1")

    assert (first.retained, second.retained) == (False, True)
    assert second.update.update_id == first.update.update_id
    assert story.types.count("UpdateAccepted") == 1


def test_the_first_request_is_answered_for_when_its_run_has_closed() -> None:
    story = waiting()
    first = ask(story, "paint", "request-1")
    story.apply(cancel.stop, ClientRequest("cancel", "order-42", None, None, {}))

    again = ask(story, "paint", "request-1")

    assert (again.retained, again.update.update_id) == (True, first.update.update_id)
    assert again.update.status == "failed"


def test_a_request_id_used_for_something_else_is_refused() -> None:
    story = waiting()
    ask(story, "paint", "request-1")

    with pytest.raises(Refusal) as caught:
        ask(story, "sell", "request-1", digest="sha256:2")

    assert caught.value.reason == "request_id_conflict"
    assert caught.value.facts["retained_command_type"] == "update"


@pytest.mark.parametrize(
    ("run_id", "reason"),
    [(None, "run_not_active"), ("run-0", "historical_run_command_rejected")],
)
def test_a_run_that_is_closed_or_not_current_is_refused(run_id: str | None, reason: str) -> None:
    story = Story()
    story.lease()
    if run_id is None:
        story.complete(LAST)
    before = list(story.types)

    with pytest.raises(Refusal) as caught:
        ask(story, run_id=run_id)

    assert caught.value.reason == reason
    assert story.types == before


def test_a_rejection_is_recorded_and_gives_no_task() -> None:
    story = waiting()
    errors = {"colour": ["The colour argument is required."]}

    receipt = ask(story, rejection=Rejection("invalid_update_arguments", errors))

    told = payload(story, "UpdateRejected")
    assert (told["update_id"], told["validation_errors"]) == (receipt.update.update_id, errors)
    assert told["command"]["status"] == "rejected"
    assert told["command"]["outcome"] == "rejected_invalid_arguments"
    assert (receipt.update.status, receipt.update.closed_at) == ("rejected", story.now)
    assert story.state.run.task_id is None
    assert story.state.run.open_updates == 0


def test_more_updates_than_a_run_may_have_are_refused() -> None:
    story = waiting(pending_updates_max=1)
    ask(story)

    with pytest.raises(Refusal) as caught:
        ask(story)

    assert caught.value.facts["limit_kind"] == "pending_update_count"
    assert (caught.value.facts["current_value"], story.state.run.open_updates) == (2, 1)


def test_arguments_that_are_too_large_are_refused() -> None:
    story = waiting(payload_bytes_max=8)

    with pytest.raises(Refusal) as caught:
        ask(story, arguments=Payload("avro", "A" * 9))

    assert (caught.value.facts["limit_kind"], caught.value.facts["current_value"]) == (
        "payload_size",
        9,
    )


def test_an_update_that_comes_while_a_task_is_leased_waits_for_its_end() -> None:
    story = Story()
    story.lease()

    receipt = ask(story)

    assert "UpdateAccepted" not in story.types
    assert (row(story, receipt).recorded, story.state.run.held_messages) == (False, 1)

    story.complete({"type": "record_side_effect", "result": "AAIxAg=="})

    assert story.types[-2:] == ["SideEffectRecorded", "UpdateAccepted"]
    assert (row(story, receipt).recorded, story.state.run.held_messages) == (True, 0)
    assert context(story)["workflow_update_id"] == receipt.update.update_id


@pytest.mark.parametrize("how", ["fails", "is released"])
def test_a_held_update_is_recorded_however_the_task_ends(how: str) -> None:
    story = Story()
    task_id = story.lease()
    ask(story)

    if how == "fails":
        report = workflow_task.commands.TaskFailure(task_id, "worker-1", 1, "lost", None, "d")
        story.apply(workflow_task.fail, report)
    else:
        story.apply(timeouts.return_task, task_id, "worker-1", 1)

    assert story.types[-1] == "UpdateAccepted"
    assert context(story) == {}


def test_the_first_task_is_not_taken_for_an_update() -> None:
    story = Story()
    receipt = ask(story)
    assert context(story) == {}

    story.lease()
    story.complete(STEP)

    assert context(story)["workflow_update_id"] == receipt.update.update_id


def test_a_task_without_a_reason_becomes_that_of_the_update() -> None:
    story = waiting()
    first = ask(story)
    story.lease()
    finish(story, first.update.update_id)
    follow_up = story.task_id()

    second = ask(story)

    assert story.task_id() == follow_up
    assert context(story)["workflow_update_id"] == second.update.update_id
    story.lease()
    finish(story, second.update.update_id)
    assert context(story) == {}


def test_updates_are_carried_out_in_the_order_in_which_they_came() -> None:
    story = waiting()
    first, second = ask(story), ask(story, "sell")
    assert context(story)["workflow_update_id"] == first.update.update_id

    story.lease()
    finish(story, first.update.update_id)
    assert context(story)["workflow_update_id"] == second.update.update_id

    story.lease()
    finish(story, second.update.update_id)
    assert context(story) == {}


def test_while_an_activity_is_open_an_update_wakes_no_code() -> None:
    story = Story()
    story.lease()
    story.complete(STEP)
    receipt = ask(story)

    story.lease()
    finish(story, receipt.update.update_id)

    assert story.state.run.task_id is None
    attempt_id = story.start_activity()
    task_id = next(t.task_id for t in story.state.tasks.values() if t.kind == "activity")
    report = Report(task_id, attempt_id, "worker-1", "completed", "d")
    story.apply(activity_report.complete, report, Payload("avro", "AAIxAg=="))
    assert context(story)["activity_type"] == "charge"


def test_a_worker_that_leaves_an_update_open_is_not_given_it_again_at_once() -> None:
    story = waiting()
    receipt = ask(story)
    story.lease()

    story.complete()

    assert story.state.run.task_id is None
    assert row(story, receipt).status == "accepted"
    second = ask(story)
    assert context(story)["workflow_update_id"] == second.update.update_id
    story.lease()
    finish(story, second.update.update_id)
    assert context(story)["workflow_update_id"] == receipt.update.update_id


@pytest.mark.parametrize(
    ("finished", "text"),
    [
        ("unheard-of", "is for the update"),
        ("again", "is completed already"),
    ],
)
def test_only_the_tasks_own_open_update_can_be_finished(finished: str, text: str) -> None:
    story = waiting()
    receipt = ask(story)
    task_id = story.lease()
    command = {"type": "complete_update", "update_id": receipt.update.update_id}
    sent = [{**command, "update_id": finished}] if finished == "unheard-of" else [command, command]

    with pytest.raises(Refusal) as caught:
        workflow_task.complete(story.state, story.moment, completion(story.state, task_id, *sent))

    assert caught.value.reason == "invalid_commands"
    assert text in next(iter(caught.value.facts["errors"].values()))[0]
    assert row(story, receipt).status == "accepted"


def test_a_task_that_is_for_no_update_may_finish_any_that_is_open() -> None:
    story = Story()
    receipt = ask(story)
    task_id = story.lease()
    unknown = {"type": "fail_update", "update_id": "unheard-of", "message": "no"}
    with pytest.raises(Refusal, match="invalid_commands"):
        workflow_task.complete(story.state, story.moment, completion(story.state, task_id, unknown))

    finish(story, receipt.update.update_id)

    assert row(story, receipt).status == "completed"


@pytest.mark.parametrize("how", ["completed", "cancelled", "timed_out"])
def test_open_updates_fail_with_their_run(how: str) -> None:
    story = waiting()
    receipt = ask(story)

    if how == "completed":
        story.lease()
        story.complete(LAST)
    elif how == "cancelled":
        story.apply(cancel.stop, ClientRequest("cancel", "order-42", None, None, {}))
    else:
        run = story.state.run.copied()
        run.deadline_at = run.run_deadline_at = story.now
        story.state.run = run
        story.apply(timeouts.time_out_run)

    assert story.types[-1] == "UpdateCompleted"
    assert payload(story, "UpdateCompleted")["terminal_reason"] == how
    closed = row(story, receipt)
    assert (closed.status, story.state.run.open_updates) == ("failed", 0)
    assert orjson.loads(closed.failure or "")["terminal_reason"] == how


def test_a_held_update_is_accepted_before_the_run_closes_and_fails_after() -> None:
    story = Story()
    story.lease()
    ask(story)

    story.complete(LAST)

    assert story.types[-3:] == ["UpdateAccepted", "WorkflowCompleted", "UpdateCompleted"]


def test_a_run_that_continues_hands_its_updates_over() -> None:
    story = waiting()
    moves, stays = ask(story), ask(story, "sell", run_id="run-1")
    story.lease()
    workflow = Workflow(7, "default", "order-42", "orders.process", "run-1", 1, story.now)
    story.state.workflow = workflow
    story.state.details = RunDetails(7, "run-1", Payload("plain", "[]"), None, None, None)

    decision = story.complete({"type": "continue_as_new"})

    [after] = decision.further
    assert [event.event_type for event in after.events] == ["WorkflowStarted", "UpdateAccepted"]
    moved = after.updates[moves.update.update_id]
    assert (moved.run_id, moved.status) == (after.state.run.run_id, "accepted")
    assert after.state.run.open_updates == 1
    assert story.state.updates[stays.update.update_id].status == "failed"
    assert payload(story, "UpdateCompleted")["terminal_reason"] == "continued"
