"""Continuing as new: what the next run begins with, what stays, what the old one leaves behind."""

import pytest
from durable_server.clock import SECOND
from durable_server.refusal import Refusal

from tests.engine.families import Family

AGAIN: dict[str, object] = {"type": "continue_as_new"}
ONWARD: dict[str, object] = {**AGAIN, "arguments": {"codec": "avro", "blob": "BB=="}}


def continued(*before: dict[str, object], **changes: object) -> tuple[Family, str, str]:
    """A run that continued, after these commands; and the ids of both runs."""
    family = Family()
    first = family.start(**changes)
    family.advance(7)
    family.work(first, *before, ONWARD)
    return family, first, family.workflows["order-42"].current_run_id


def test_the_run_closes_as_continued_and_names_the_next_one() -> None:
    family, first, second = continued()

    run = family.states[first].run
    assert (run.status, run.closed_reason, run.task_id) == ("completed", "continued", None)
    [payload] = family.payloads(first, "WorkflowContinuedAsNew")
    assert (payload["continued_to_run_id"], payload["continued_to_run_number"]) == (second, 2)
    assert (payload["sequence"], payload["closed_reason"]) == (1, "continued")
    assert family.types(first)[-1] == "WorkflowContinuedAsNew"


def test_the_next_run_begins_with_its_own_history_and_a_task() -> None:
    family, first, second = continued()

    run = family.states[second].run
    assert family.types(second) == ["WorkflowStarted"]
    [started] = family.payloads(second, "WorkflowStarted")
    assert started["continued_from_run_id"] == first
    assert (run.run_number, run.workflow_id, run.next_step) == (2, "order-42", 1)
    assert run.task_id is not None
    assert family.workflows["order-42"].run_count == 2


def test_the_worker_is_told_the_task_of_the_next_run() -> None:
    family = Family()
    first = family.start()
    answer = family.work(first, AGAIN).answer

    second = family.workflows["order-42"].current_run_id
    assert answer["created_task_ids"] == [family.states[second].run.task_id]
    assert (answer["run_id"], answer["run_status"]) == (first, "completed")


def test_what_the_run_carries_goes_along() -> None:
    family, _, second = continued(
        memo='{"by":"ann"}', search_attributes='{"City":"Rome"}', business_key="k", build_id="b1"
    )

    run, details = family.states[second].run, family.states[second].details
    assert details is not None
    assert (run.business_key, run.build_id, run.task_queue) == ("k", "b1", "orders")
    assert (details.memo, details.search_attributes) == ('{"by":"ann"}', '{"City":"Rome"}')
    assert details.input == ("avro", "BB==")


def test_without_arguments_the_input_stays() -> None:
    family = Family()
    first = family.start()
    family.work(first, AGAIN)

    before, after = (state.details for state in family.states.values())
    assert before is not None and after is not None
    assert after.input == before.input


def test_another_type_and_queue_may_be_named() -> None:
    family = Family()
    first = family.start()
    family.work(first, {**AGAIN, "workflow_type": "orders.close", "task_queue": "closing"})

    run = family.states[family.workflows["order-42"].current_run_id].run
    assert (run.workflow_type, run.task_queue) == ("orders.close", "closing")
    assert family.workflows["order-42"].workflow_type == "orders.process"


def test_the_deadline_over_all_runs_stays_and_that_of_the_run_begins_anew() -> None:
    family, first, second = continued(execution_timeout_seconds=100, run_timeout_seconds=20)

    before, after = family.states[first].run, family.states[second].run
    assert after.execution_deadline_at == before.execution_deadline_at
    assert after.run_deadline_at == family.now + 20 * SECOND
    assert after.deadline_at == after.run_deadline_at
    assert before.deadline_at is None


def test_commands_before_it_are_applied_to_the_run_that_ends() -> None:
    family, first, _ = continued({"type": "record_side_effect", "result": "AA=="})

    assert family.types(first)[-2:] == ["SideEffectRecorded", "WorkflowContinuedAsNew"]
    assert family.payloads(first, "WorkflowContinuedAsNew")[0]["sequence"] == 2


def test_nothing_may_follow_it() -> None:
    family = Family()
    first = family.start()
    family.lease(first)
    with pytest.raises(Refusal) as refused:
        family.complete(first, AGAIN, {"type": "start_timer", "delay_seconds": 1})

    assert refused.value.reason == "invalid_commands"
    assert len(family.states) == 1


def test_a_run_without_a_parent_tells_nobody() -> None:
    family, _, _ = continued()

    assert family.outbox == []
