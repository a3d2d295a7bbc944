"""Select groups: the first member decides, the rest stays open, members are given up."""

from typing import Any

import orjson
import pytest
from durable_server.engine import activity_report, selections, timer
from durable_server.engine.run_state import Payload
from durable_server.refusal import Refusal

from tests.engine.builders import Story

DONE = {"type": "complete_workflow"}
NOTE = {"type": "record_side_effect", "result": "AA=="}


def members(*sizes: int, base: int = 1, kinds: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """The parallel fields of every step of a select group with members of these sizes."""
    total, found, step = sum(sizes), [], base
    for number, size in enumerate(sizes):
        member_base = step
        kind = "group" if size > 1 else (kinds or ("activity",) * len(sizes))[number]
        for offset in range(size):
            outer = {
                "parallel_group_id": f"select-calls:{base}:{total}",
                "parallel_group_kind": "mixed",
                "parallel_group_mode": "select",
                "parallel_group_base_sequence": base,
                "parallel_group_size": total,
                "parallel_group_index": step - base,
                "selection_member_key": f"m{number}",
                "selection_member_index": number,
                "selection_member_base_sequence": member_base,
                "selection_member_size": size,
                "selection_member_kind": kind,
            }
            inner = {
                "parallel_group_id": f"parallel-activities:{member_base}:{size}",
                "parallel_group_kind": "activity",
                "parallel_group_base_sequence": member_base,
                "parallel_group_size": size,
                "parallel_group_index": offset,
            }
            path = [outer, inner] if size > 1 else [outer]
            found.append({**path[-1], "parallel_group_path": path})
            step += 1
    return found


def activity(fields: dict[str, Any], name: str = "a") -> dict[str, Any]:
    return {"type": "schedule_activity", "activity_type": name, **fields}


def racing() -> Story:
    """A run that waits for the first of an activity and a timer."""
    story = Story()
    story.lease()
    first, second = members(1, 1, kinds=("activity", "timer"))
    story.complete(activity(first), {"type": "start_timer", "delay_seconds": 60, **second})
    return story


def report(story: Story, attempt_id: str, outcome: str = "completed") -> activity_report.Report:
    execution = attempt_id.rpartition(".")[0]
    task_id = story.state.activities[execution].task_id
    return activity_report.Report(task_id or "", attempt_id, "worker-1", outcome, outcome)


def finish(story: Story, attempt_id: str) -> None:
    story.apply(activity_report.complete, report(story, attempt_id), Payload("avro", "AA=="))


def told(story: Story, event_type: str) -> dict[str, Any]:
    [payload] = [payload for kind, payload in story.events if kind == event_type]
    found: dict[str, Any] = orjson.loads(payload)
    return found


def cancel_of(story: Story, **changes: Any) -> dict[str, Any]:
    timer_id = next(iter(story.state.timers))
    named = {
        "selection_group_id": "select-calls:1:2",
        "member_key": "m1",
        "member_index": 1,
        "member_base_sequence": 2,
        "member_size": 1,
        "operation_kind": "timer",
        "operation_identity": timer_id,
    }
    return {"type": "cancel_selection_operation", **named, **changes}


def test_the_first_member_to_close_decides_and_wakes_the_run() -> None:
    story = racing()
    attempt = story.start_activity()
    finish(story, attempt)
    resolved = told(story, "SelectionResolved")
    closing = next(e for e in story.recorded if e.event_type == "ActivityCompleted")

    assert story.types[-2:] == ["ActivityCompleted", "SelectionResolved"]
    assert story.state.run.task_id is not None
    assert (resolved["member_key"], resolved["member_index"], resolved["outcome"]) == (
        "m0",
        0,
        "completed",
    )
    assert resolved["operation_identity"] == attempt.rpartition(".")[0]
    assert (resolved["resolution_event_id"], resolved["resolution_event_type"]) == (
        closing.event_id,
        "ActivityCompleted",
    )


def test_a_member_that_closes_later_is_recorded_and_wakes_a_run_that_nothing_blocks() -> None:
    story = racing()
    finish(story, story.start_activity())
    story.lease()
    story.complete(NOTE)
    assert story.state.run.task_id is None
    story.advance(60)
    story.apply(timer.fire, next(iter(story.state.timers)))

    assert story.types.count("SelectionResolved") == 1
    assert story.types[-1] == "TimerFired"
    assert story.state.run.task_id is not None
    assert story.state.run.selections == {}


def test_a_member_that_closes_later_does_not_wake_a_run_that_an_activity_blocks() -> None:
    story = racing()
    finish(story, story.start_activity())
    story.lease()
    story.complete({"type": "schedule_activity", "activity_type": "b"})
    story.advance(60)
    story.apply(timer.fire, next(iter(story.state.timers)))
    assert (story.types[-1], story.state.run.task_id) == ("TimerFired", None)
    finish(story, story.start_activity())

    assert story.state.run.task_id is not None


def test_a_run_waits_for_a_group_until_it_is_decided() -> None:
    story = racing()
    waiting = selections.blocked(story.state.run)
    finish(story, story.start_activity())

    assert waiting
    assert not selections.blocked(story.state.run)


def test_a_list_closes_with_its_last_step_and_the_first_failure_decides_how() -> None:
    story = Story()
    story.lease()
    story.complete(*(activity(fields) for fields in members(2, 1)))
    first, second = story.start_activity(0), story.start_activity(0)
    failure = {"message": "no", "type": "Declined"}
    story.apply(activity_report.fail, report(story, first, "failed"), failure)
    waiting = story.state.run.task_id
    finish(story, second)
    resolved = told(story, "SelectionResolved")

    assert waiting is None
    assert (resolved["outcome"], resolved["resolution_event_type"]) == ("failed", "ActivityFailed")
    assert resolved["operation_identity"] == "group:1:2"


def test_members_that_close_while_a_task_is_leased_decide_in_the_order_in_which_they_closed() -> (
    None
):
    story = Story()
    story.lease()
    story.complete(*(activity(fields) for fields in members(1, 1)))
    story.state.run.wake_requested = False
    first, second = story.start_activity(0), story.start_activity(0)
    story.state.run.task_leased = True
    finish(story, second)
    finish(story, first)
    assert "ActivityCompleted" not in story.types
    story.state.run.task_leased = False
    from durable_server.engine import steps
    from durable_server.engine.decision import Draft

    draft = Draft(story.state, story.moment)
    steps.let_in(draft)
    story._take(draft.done())

    assert told(story, "SelectionResolved")["member_key"] == "m1"
    assert story.types[-3:] == ["ActivityCompleted", "SelectionResolved", "ActivityCompleted"]


def test_an_open_member_is_given_up_and_the_run_looks_again() -> None:
    story = racing()
    finish(story, story.start_activity())
    story.lease()
    story.complete(cancel_of(story))
    [late] = story.state.timers.values()

    assert story.types[-2:] == ["TimerCancelled", "SelectionOperationCancelled"]
    assert late.status == "cancelled"
    assert story.state.run.open_timers == 0
    assert story.state.run.task_id is not None
    assert not story.state.run.barriers and not story.state.run.selections


def test_a_member_that_has_closed_is_not_given_up_and_nothing_is_recorded() -> None:
    story = racing()
    finish(story, story.start_activity())
    story.advance(60)
    story.apply(timer.fire, next(iter(story.state.timers)))
    story.lease()
    count = len(story.events)
    story.complete(cancel_of(story))

    assert len(story.events) == count
    assert story.state.run.task_id is None


def test_a_running_activity_that_is_given_up_has_no_task_left() -> None:
    story = racing()
    attempt = story.start_activity()
    story.advance(60)
    story.apply(timer.fire, next(iter(story.state.timers)))
    story.lease()
    named = {"member_key": "m0", "member_index": 0, "member_base_sequence": 1}
    identity = {"operation_kind": "activity", "operation_identity": attempt.rpartition(".")[0]}
    story.complete(cancel_of(story, **named, **identity))
    open_tasks = [t for t in story.state.tasks.values() if t.kind == "activity"]

    assert story.types[-2:] == ["ActivityCancelled", "SelectionOperationCancelled"]
    assert [task.status for task in open_tasks] == ["cancelled"]
    assert story.state.run.open_activities == 0


@pytest.mark.parametrize(
    "change",
    [
        {"selection_group_id": "select-calls:9:2"},
        {"member_base_sequence": 9},
        {"member_key": "other"},
        {"operation_kind": "activity"},
        {"operation_identity": "other"},
    ],
)
def test_a_member_that_is_named_wrongly_refuses_the_batch(change: dict[str, Any]) -> None:
    story = racing()
    finish(story, story.start_activity())
    story.lease()

    with pytest.raises(Refusal) as refused:
        story.complete(NOTE, cancel_of(story, **change))

    assert (refused.value.reason, list(refused.value.facts["errors"])) == (
        "invalid_commands",
        ["commands.1"],
    )


def test_a_member_of_a_group_that_is_not_decided_cannot_be_given_up() -> None:
    story = racing()
    story.state.run.wake_requested = False
    story.wake()

    with pytest.raises(Refusal) as refused:
        story.complete(cancel_of(story))

    assert refused.value.reason == "invalid_commands"


@pytest.mark.parametrize(
    "change",
    [
        {"selection_member_key": ""},
        {"selection_member_key": True},
        {"selection_member_kind": "condition"},
        {"selection_member_size": 0},
        {"selection_member_base_sequence": None},
    ],
)
def test_a_select_group_must_name_its_members(change: dict[str, Any]) -> None:
    story = Story()
    story.lease()
    [fields] = members(1)
    entry = {**fields["parallel_group_path"][0], **change}
    sent = activity({**fields, "parallel_group_path": [entry]})

    with pytest.raises(Refusal) as refused:
        story.complete(sent)

    assert list(refused.value.facts["errors"]) == ["commands.0.parallel_group_path"]


def test_a_wait_cannot_be_a_member() -> None:
    story = Story()
    story.lease()
    [fields] = members(1)

    with pytest.raises(Refusal) as refused:
        story.complete({**NOTE, **fields})

    assert list(refused.value.facts["errors"]) == ["commands.0.parallel_group_path"]


def test_a_group_that_is_not_all_there_refuses_the_batch() -> None:
    story = Story()
    story.lease()

    with pytest.raises(Refusal) as refused:
        story.complete(NOTE, activity(members(1, 1, base=2)[0]))

    assert list(refused.value.facts["errors"]) == ["commands.1"]


def test_the_fields_of_a_member_are_echoed_as_they_were_sent() -> None:
    story = racing()
    [first, second] = members(1, 1, kinds=("activity", "timer"))
    scheduled, timed = told(story, "ActivityScheduled"), told(story, "TimerScheduled")

    assert {name: scheduled[name] for name in first} == first
    assert {name: timed[name] for name in second} == second


def test_nested_groups_have_one_barrier_and_keep_their_paths() -> None:
    story = Story()
    story.lease()
    outer = {"parallel_group_id": "o", "parallel_group_kind": "mixed"}
    sizes = {"parallel_group_base_sequence": 1, "parallel_group_size": 3}
    inner = {"parallel_group_id": "i", "parallel_group_kind": "activity"}
    inner_sizes = {"parallel_group_base_sequence": 2, "parallel_group_size": 2}
    paths = [
        [{**outer, **sizes, "parallel_group_index": 0}],
        *(
            [
                {**outer, **sizes, "parallel_group_index": n + 1},
                {**inner, **inner_sizes, "parallel_group_index": n},
            ]
            for n in (0, 1)
        ),
    ]
    story.complete(*(activity({**path[-1], "parallel_group_path": path}) for path in paths))
    attempts = [story.start_activity(0) for _ in paths]
    for attempt in reversed(attempts):
        assert story.state.run.task_id is None
        finish(story, attempt)
    closings = [orjson.loads(p) for kind, p in story.events if kind == "ActivityCompleted"]

    assert [each["parallel_group_path"] for each in closings] == paths
    assert story.state.run.task_id is not None
