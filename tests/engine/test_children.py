"""Children: outcomes wake the parent, messages come twice and late, tries, ends of parents."""

from typing import Any

import orjson
import pytest
from durable_server import payloads
from durable_server.clock import SECOND
from durable_server.engine.tasks import Holder
from durable_server.refusal import Refusal

from tests.engine.families import Family

CHILD: dict[str, object] = {
    "type": "start_child_workflow",
    "workflow_type": "orders.pack",
    "arguments": {"codec": "avro", "blob": "AA=="},
}
DONE: dict[str, object] = {"type": "complete_workflow", "result": {"codec": "avro", "blob": "BB=="}}
BROKEN: dict[str, object] = {
    "type": "fail_workflow",
    "message": "out of boxes",
    "exception_type": "NoBoxes",
}
TWICE = {"retry_policy": {"max_attempts": 2, "backoff_seconds": [5]}}


def with_child(**changes: object) -> tuple[Family, str, str]:
    """A parent that waits for one child, which has begun; and the ids of both runs."""
    family = Family()
    parent = family.start()
    family.work(parent, {**CHILD, **changes})
    family.deliver()
    return family, parent, family.children(parent)[0].child_run_id


def test_a_child_begins_with_what_its_parent_gave_it() -> None:
    family = Family()
    parent = family.start(memo='{"by":"ann"}', search_attributes='{"City":"Rome"}', build_id="b1")
    answer = family.work(parent, {**CHILD, "execution_timeout_seconds": 60}).answer
    family.deliver()

    [child] = family.children(parent)
    state = family.states[child.child_run_id]
    run, details = state.run, state.details
    assert details is not None
    assert answer["created_task_ids"] == [run.task_id]
    assert (run.workflow_type, run.task_queue, run.build_id) == ("orders.pack", "orders", "b1")
    assert (details.input, details.memo) == (("avro", "AA=="), '{"by":"ann"}')
    assert details.search_attributes == '{"City":"Rome"}'
    assert run.execution_deadline_at == family.now + 60 * SECOND
    [started] = family.payloads(run.run_id, "WorkflowStarted")
    assert (started["parent_workflow_run_id"], started["parent_sequence"]) == (parent, 1)
    assert family.types(run.run_id) == ["WorkflowStarted"]


def test_a_child_without_arguments_has_none() -> None:
    family = Family()
    parent = family.start()
    family.work(parent, {"type": "start_child_workflow", "workflow_type": "orders.pack"})
    family.deliver()

    details = family.states[family.children(parent)[0].child_run_id].details
    assert details is not None
    assert details.input == ("plain", "[]")


def test_a_completed_child_wakes_its_parent_with_the_result_under_both_names() -> None:
    family, parent, child = with_child()
    family.work(child, DONE)
    family.deliver()

    [payload] = family.payloads(parent, "ChildRunCompleted")
    assert (payload["result"], payload["output"]) == ("BB==", "BB==")
    assert (payload["payload_codec"], payload["child_workflow_run_id"]) == ("avro", child)
    task_id = family.states[parent].run.task_id
    assert task_id is not None
    resume = orjson.loads(family.states[parent].tasks[task_id].resume or "{}")
    assert resume["resume_source_kind"] == "child_workflow_run"
    assert family.states[parent].run.open_children == 0


def test_a_child_that_returns_nothing_has_no_result() -> None:
    family, parent, child = with_child()
    family.work(child, {"type": "complete_workflow"})
    family.deliver()

    [payload] = family.payloads(parent, "ChildRunCompleted")
    assert "result" not in payload and "payload_codec" not in payload


def test_a_failed_child_tells_its_failure() -> None:
    family, parent, child = with_child()
    family.work(child, BROKEN)
    family.deliver()

    [payload] = family.payloads(parent, "ChildRunFailed")
    assert (payload["message"], payload["exception_type"]) == ("out of boxes", "NoBoxes")
    assert (payload["exception_class"], payload["failure_category"]) == (
        "NoBoxes",
        "child_workflow",
    )


def test_a_child_that_timed_out_has_failed() -> None:
    family, parent, child = with_child(run_timeout_seconds=10)
    family.advance(10)
    family.time_out(child)
    family.deliver()

    [payload] = family.payloads(parent, "ChildRunFailed")
    assert (payload["closed_reason"], payload["failure_category"]) == ("timed_out", "timeout")


@pytest.mark.parametrize(
    ("kind", "status", "event"),
    [
        ("cancel", "cancelled", "ChildRunCancelled"),
        ("terminate", "terminated", "ChildRunTerminated"),
    ],
)
def test_a_stopped_child_wakes_its_parent(kind: str, status: str, event: str) -> None:
    family, parent, child = with_child(**TWICE)
    family.stop(child, kind, "no more")
    family.deliver()

    [payload] = family.payloads(parent, event)
    assert payload["message"] == f"Child workflow {child} closed as {status}: no more"
    assert payload["failure_category"] == payload["child_status"] == status


def test_old_workers_are_told_of_a_stopped_child_as_of_a_failed_one() -> None:
    family = Family()
    parent = family.start()
    old = Holder("worker-1", "durable-workflow-python/0.4.65", "avro", None)
    family.lease(parent, old)
    family.complete(parent, CHILD)
    family.deliver()
    family.stop(family.children(parent)[0].child_run_id, "cancel")
    family.deliver()

    [payload] = family.payloads(parent, "ChildRunFailed")
    assert payload["child_status"] == "cancelled"
    assert "ChildRunCancelled" not in family.types(parent)


def test_children_of_one_completion_are_let_in_together_and_in_order() -> None:
    family = Family()
    parent = family.start()
    group = {
        "parallel_group_id": "parallel-children:1:2",
        "parallel_group_kind": "child",
        "parallel_group_base_sequence": 1,
        "parallel_group_size": 2,
    }
    marked = [
        {
            **group,
            "parallel_group_index": n,
            "parallel_group_path": [{**group, "parallel_group_index": n}],
        }
        for n in (0, 1)
    ]
    family.work(parent, *({**CHILD, **mark} for mark in marked))
    family.deliver()
    first, second = (child.child_run_id for child in family.children(parent))
    family.work(second, BROKEN)
    family.deliver()
    assert family.states[parent].run.task_id is None
    assert "ChildRunFailed" not in family.types(parent)
    family.work(first, DONE)
    family.deliver()

    assert family.types(parent)[-2:] == ["ChildRunCompleted", "ChildRunFailed"]
    assert family.states[parent].run.task_id is not None
    for event in ("ChildWorkflowScheduled", "ChildRunStarted"):
        indexes = [each["parallel_group_index"] for each in family.payloads(parent, event)]
        assert indexes == [0, 1]
    assert family.payloads(parent, "ChildRunFailed")[0]["parallel_group_index"] == 1


def test_every_message_delivered_twice_changes_nothing_more() -> None:
    family, parent, child = with_child(**TWICE)
    family.work(child, BROKEN)
    family.deliver()
    family.advance(5)
    family.work(family.newest(family.children(parent)[0]), DONE)
    family.deliver()
    before = {run_id: list(events) for run_id, events in family.events.items()}

    family.deliver(*list(family.delivered))

    assert {each.kind for each in family.delivered} == {
        "start_child",
        "child_started",
        "child_closed",
    }
    assert family.events == before
    assert family.outbox == []


def test_a_start_delivered_after_the_child_continued_begins_nothing() -> None:
    family, _, child = with_child()
    [begun] = family.delivered
    family.work(child, {"type": "continue_as_new"})
    family.deliver(begun)

    assert len(family.states) == 3


def test_news_of_an_older_run_is_dropped() -> None:
    family, parent, child = with_child(**TWICE)
    family.work(child, BROKEN)
    started = family.take("child_started")
    newest = family.newest(family.children(parent)[0])
    family.work(newest, DONE)
    family.deliver()
    family.deliver(started)

    # The end overtook the news that the last run began; it needs no such news.
    assert family.types(parent)[-1] == "ChildRunCompleted"
    [payload] = family.payloads(parent, "ChildRunCompleted")
    assert (payload["child_workflow_run_id"], payload["child_run_number"]) == (newest, 2)


def test_a_failed_child_is_tried_again_after_its_backoff() -> None:
    family, parent, child = with_child(**TWICE, run_timeout_seconds=60)
    family.work(child, BROKEN)
    family.deliver()

    newest = family.newest(family.children(parent)[0])
    run = family.states[newest].run
    assert run.task_id is not None
    task = family.states[newest].tasks[run.task_id]
    assert (run.run_number, task.available_at) == (2, family.now + 5 * SECOND)
    assert run.workflow_id == family.states[child].run.workflow_id
    told = family.payloads(parent, "ChildRunStarted")[1]
    assert (told["retry_attempt"], told["retry_backoff_seconds"]) == (2, 5)
    assert (told["retry_of_child_workflow_run_id"], told["child_run_number"]) == (child, 2)
    assert family.states[parent].run.task_id is None
    [started] = family.payloads(newest, "WorkflowStarted")
    assert (started["retry_attempt"], started["child_call_id"]) == (2, told["child_call_id"])


def test_the_last_try_decides() -> None:
    family, parent, child = with_child(**TWICE)
    family.work(child, BROKEN)
    family.deliver()
    newest = family.newest(family.children(parent)[0])
    family.work(newest, BROKEN)
    family.deliver()

    assert family.types(parent).count("ChildRunFailed") == 1
    assert len(family.states) == 3


@pytest.mark.parametrize(
    ("policy", "failure"),
    [
        ({"max_attempts": 3}, {"non_retryable": True}),
        ({"max_attempts": 3, "non_retryable_error_types": ["NoBoxes"]}, {}),
        (
            {"max_attempts": 3, "non_retryable_error_types": ["box.NoBoxes"]},
            {"exception_class": "box.NoBoxes"},
        ),
    ],
)
def test_some_failures_are_final(policy: dict[str, object], failure: dict[str, object]) -> None:
    family, parent, child = with_child(retry_policy=policy)
    family.work(child, {**BROKEN, **failure})
    family.deliver()

    assert family.types(parent)[-1] == "ChildRunFailed"


def test_a_child_out_of_time_for_all_its_runs_is_not_tried_again() -> None:
    family, parent, child = with_child(**TWICE, execution_timeout_seconds=10)
    family.advance(10)
    family.time_out(child)
    family.deliver()

    assert family.types(parent)[-1] == "ChildRunFailed"


def test_the_deadline_over_all_runs_stays_and_that_of_a_run_begins_anew() -> None:
    family, parent, child = with_child(
        **TWICE, execution_timeout_seconds=100, run_timeout_seconds=20
    )
    started = family.now
    family.advance(20)
    family.time_out(child)
    family.deliver()

    run = family.states[family.newest(family.children(parent)[0])].run
    assert run.execution_deadline_at == started + 100 * SECOND
    assert run.run_deadline_at == family.now + 20 * SECOND


def test_a_continued_child_keeps_its_tries_and_answers_with_its_last_run() -> None:
    family, parent, child = with_child(**TWICE)
    family.work(child, {"type": "continue_as_new"})
    family.deliver()
    continued = family.newest(family.children(parent)[0])
    assert family.payloads(parent, "ChildRunStarted")[1]["child_workflow_run_id"] == continued
    assert "retry_attempt" not in family.payloads(parent, "ChildRunStarted")[1]
    family.work(continued, BROKEN)
    family.deliver()
    again = family.newest(family.children(parent)[0])
    family.work(again, DONE)
    family.deliver()

    [payload] = family.payloads(parent, "ChildRunCompleted")
    assert (payload["child_workflow_run_id"], payload["child_run_number"]) == (again, 3)


def test_a_member_of_a_select_group_keeps_the_name_it_was_opened_with() -> None:
    outer = {
        "parallel_group_id": "select-calls:1:1",
        "parallel_group_kind": "child",
        "parallel_group_base_sequence": 1,
        "parallel_group_size": 1,
        "parallel_group_index": 0,
        "parallel_group_mode": "select",
        "selection_member_key": "kid",
        "selection_member_index": 0,
        "selection_member_base_sequence": 1,
        "selection_member_size": 1,
        "selection_member_kind": "child",
    }
    names = [name for name in outer if name.startswith("parallel_group") and "mode" not in name]
    marks = {**{name: outer[name] for name in names}, "parallel_group_path": [outer]}
    family, parent, child = with_child(**marks)
    family.work(child, {"type": "continue_as_new"})
    family.deliver()
    family.work(family.newest(family.children(parent)[0]), DONE)
    family.deliver()

    told = [
        payload["child_workflow_run_id"]
        for event in ("ChildWorkflowScheduled", "ChildRunStarted", "ChildRunCompleted")
        for payload in family.payloads(parent, event)
    ]
    assert told == [child] * 4
    [resolved] = family.payloads(parent, "SelectionResolved")
    assert resolved["operation_identity"] == child


def test_the_end_of_a_child_waits_for_the_end_of_a_leased_task() -> None:
    family, parent, child = with_child()
    # A task that was made for another reason is with a worker when the child ends.
    family.wake(parent)
    family.lease(parent)
    family.work(child, DONE)
    family.deliver()
    assert "ChildRunCompleted" not in family.types(parent)
    family.complete(parent, {"type": "record_side_effect", "result": "AA=="})

    assert family.types(parent)[-2:] == ["SideEffectRecorded", "ChildRunCompleted"]
    assert family.states[parent].run.task_id is not None


@pytest.mark.parametrize(
    ("policy", "status"), [("request_cancel", "cancelled"), ("terminate", "terminated")]
)
@pytest.mark.parametrize("end", [DONE, BROKEN, "cancel", "terminate", "time out"])
def test_open_children_are_stopped_with_their_parent(policy: str, status: str, end: object) -> None:
    family = Family()
    parent = family.start(run_timeout_seconds=60)
    family.work(parent, {**CHILD, "parent_close_policy": policy})
    family.deliver()
    close(family, parent, end)
    family.deliver()

    [child] = family.children(parent)
    assert family.states[child.child_run_id].run.status == status
    [applied] = family.payloads(parent, "ParentClosePolicyApplied")
    assert applied["child_run_id"] == child.child_run_id
    why = family.states[parent].run.closed_reason
    assert applied["reason"] == f"Parent workflow closed ({why}); parent-close policy: {policy}."
    assert family.types(parent)[-1] == "ParentClosePolicyApplied"
    assert child.status == status


def close(family: Family, run_id: str, end: object) -> None:
    """Close a run in one of the ways that there are."""
    if isinstance(end, dict):
        family.wake(run_id)
        family.work(run_id, end)
    elif end == "time out":
        family.advance(60)
        family.time_out(run_id)
    else:
        family.stop(run_id, str(end))


def test_a_child_of_which_nothing_was_said_goes_on() -> None:
    family, parent, child = with_child()
    family.stop(parent, "terminate")
    family.deliver()
    family.work(child, DONE)
    family.deliver()

    assert family.types(parent)[-1] == "WorkflowTerminated"
    assert family.states[child].run.status == "completed"
    assert family.children(parent)[0].status == "completed"


def test_a_child_that_has_not_begun_is_stopped_once_it_has() -> None:
    family = Family()
    parent = family.start()
    family.work(parent, {**CHILD, "parent_close_policy": "terminate"})
    begin = family.take("start_child")
    family.stop(parent, "cancel")
    stop = family.take("close_child")
    with pytest.raises(Refusal):
        family.deliver(stop)
    family.deliver(begin)
    family.deliver(stop)

    assert family.states[family.children(parent)[0].child_run_id].run.status == "terminated"


def test_a_child_tried_again_meanwhile_is_stopped_in_its_newest_run() -> None:
    family, parent, child = with_child(**TWICE, parent_close_policy="request_cancel")
    family.work(child, BROKEN)
    family.stop(parent, "cancel")
    family.deliver()

    [row] = family.children(parent)
    assert family.states[family.newest(row)].run.status == "cancelled"
    assert row.child_run_number == 2


def test_a_child_that_ends_while_its_parent_is_stopping_it_is_left_as_it_is() -> None:
    family, parent, child = with_child(parent_close_policy="terminate")
    family.stop(parent, "terminate")
    family.work(child, DONE)
    family.deliver()

    assert family.states[child].run.status == "completed"


def test_children_stay_with_the_run_that_continued() -> None:
    family, parent, child = with_child(parent_close_policy="terminate")
    family.wake(parent)
    family.work(parent, {"type": "continue_as_new"})
    family.deliver()

    assert family.states[child].run.status == "pending"
    assert "ParentClosePolicyApplied" not in family.types(parent)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"workflow_type": " "}, "workflow_type"),
        ({"parent_close_policy": "adopt"}, "parent_close_policy"),
        ({"execution_timeout_seconds": 5, "run_timeout_seconds": 6}, "run_timeout_seconds"),
        ({"retry_policy": {"backoff_seconds": [-1]}}, "retry_policy.backoff_seconds.0"),
        ({"delay_seconds": 1}, "delay_seconds"),
    ],
)
def test_a_wrong_field_refuses_the_command(changes: dict[str, object], field: str) -> None:
    family = Family()
    parent = family.start()
    family.lease(parent)
    with pytest.raises(Refusal) as refused:
        family.complete(parent, {**CHILD, **changes})

    assert list(refused.value.facts["errors"]) == [f"commands.0.{field}"]
    assert len(family.states) == 1 and family.outbox == []


def test_more_children_than_may_be_open_are_refused() -> None:
    family = Family(pending_children_max=2)
    parent = family.start()
    family.lease(parent)
    with pytest.raises(Refusal) as refused:
        family.complete(parent, CHILD, CHILD, CHILD)

    facts = refused.value.facts
    assert (facts["limit_kind"], facts["current_value"]) == ("pending_child_count", 3)


def stored_elsewhere(uri: str) -> dict[str, Any]:
    reference = {
        "schema": "durable-workflow.v2.external-payload-reference.v1",
        "uri": uri,
        "sha256": "0" * 64,
        "size_bytes": 9,
        "codec": "avro",
    }
    return {"codec": "avro", "external_storage": reference}


def test_a_result_that_is_stored_elsewhere_reaches_the_parent_as_a_reference() -> None:
    reference = stored_elsewhere("s3://results/1")
    family, parent, child = with_child()
    family.work(child, {"type": "complete_workflow", "result": reference})
    family.deliver()

    [completed] = family.payloads(child, "WorkflowCompleted")
    [payload] = family.payloads(parent, "ChildRunCompleted")
    assert completed["output"] == payload["output"] == payload["result"] == reference
    assert payload["payload_codec"] == "avro"


def test_a_child_is_given_arguments_that_are_stored_elsewhere() -> None:
    reference = stored_elsewhere("s3://inputs/1")
    family, _, child = with_child(arguments=reference)

    details = family.states[child].details
    assert details is not None
    assert payloads.to_envelope(details.input) == reference
