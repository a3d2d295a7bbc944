"""Every structural limit: refused in its documented way, nothing applied, 0 switches it off."""

from typing import Any

import pytest
from durable_server.engine import bounds
from durable_server.engine.limits import Limits
from durable_server.refusal import Refusal

from tests.engine.builders import Story

ACTIVITY = {"type": "schedule_activity", "activity_type": "a"}
TIMER = {"type": "start_timer", "delay_seconds": 60}
CHILD = {"type": "start_child_workflow", "workflow_type": "kid"}
NOTE = {"type": "record_side_effect", "result": "AAAA"}
# Limit kind: the bound of 2, what is within it, what is beyond it.
CASES = {
    "pending_activity_count": ("pending_activities_max", [ACTIVITY] * 2, [ACTIVITY] * 3, 3),
    "pending_child_count": ("pending_children_max", [CHILD] * 2, [CHILD] * 3, 3),
    "pending_timer_count": ("pending_timers_max", [TIMER] * 2, [TIMER] * 3, 3),
    "command_batch_size": ("commands_per_task_max", [NOTE] * 2, [NOTE] * 3, 3),
    "history_transaction_size": ("events_per_transaction_max", [NOTE] * 2, [NOTE] * 3, 3),
    "payload_size": ("payload_bytes_max", [{**NOTE, "result": "AA"}], [NOTE], 4),
}


def leased(**limits: int) -> Story:
    story = Story(**limits)
    story.lease()
    return story


@pytest.mark.parametrize("kind", CASES)
def test_what_exceeds_a_bound_is_refused_with_its_kind_and_nothing_is_applied(kind: str) -> None:
    bound, within, beyond, value = CASES[kind]
    story = leased(**{bound: 2})
    before, count = story.state, len(story.events)
    with pytest.raises(Refusal) as refused:
        story.complete(*beyond)
    assert (story.state, len(story.events)) == (before, count)
    story.complete(*within)

    assert refused.value.reason == "structural_limit_exceeded"
    assert {name: refused.value.facts[name] for name in refused.value.facts} == {
        "task_id": next(iter(before.tasks)),
        "workflow_task_attempt": 1,
        "outcome": "rejected",
        "limit_kind": kind,
        "current_value": value,
        "configured_limit": 2,
    }
    assert len(story.events) > count


@pytest.mark.parametrize("kind", CASES)
def test_a_bound_of_nothing_is_none(kind: str) -> None:
    bound, _, beyond, _ = CASES[kind]
    story = leased(**{bound: 0})
    count = len(story.events)
    story.complete(*beyond)

    assert len(story.events) > count


@pytest.mark.parametrize("kind", ["pending_activity_count", "pending_timer_count"])
def test_what_is_open_already_counts(kind: str) -> None:
    bound, within, beyond, _ = CASES[kind]
    story = leased(**{bound: 2})
    story.complete(*within, NOTE)
    story.state.run.barriers.clear()
    story.state.run.digests.clear()
    story.wake()
    with pytest.raises(Refusal) as refused:
        story.complete(beyond[0])

    assert (refused.value.facts["limit_kind"], refused.value.facts["current_value"]) == (kind, 3)


def test_every_kind_has_a_bound() -> None:
    kinds = {"pending_signal_count", "pending_update_count", "memo_size", "search_attribute_size"}
    for kind in {*CASES, *kinds}:
        assert bounds.limit_of(Limits(), kind) > 0


@pytest.mark.parametrize(
    ("percent", "sizes", "warned"),
    [(80, [7, 1], [(8, 10)]), (80, [8], [(8, 10)]), (80, [7], []), (0, [10], []), (100, [9], [])],
)
def test_what_crosses_the_share_of_a_bound_is_told_once(
    percent: int, sizes: list[int], warned: list[tuple[int, int]]
) -> None:
    story = leased(pending_timers_max=10, warning_percent=percent)
    told = []
    for size in sizes:
        told += story.complete(*[TIMER] * size).warnings
        story.state.run.barriers.clear()
        story.state.run.digests.clear()
        story.wake()

    assert told == [("pending_timer_count", *each) for each in warned]


@pytest.mark.parametrize(
    ("events", "size", "fan_out", "expected"),
    [
        (7_999, 0, 0, ("ok", "ok", "ok")),
        (8_000, 0, 0, ("approaching", "ok", "ok")),
        (10_000, 4_194_304, 0, ("continue_as_new_recommended", "approaching", "ok")),
        (0, 5_242_880, 160, ("ok", "continue_as_new_recommended", "approaching")),
        (0, 0, 200, ("ok", "ok", "continue_as_new_recommended")),
    ],
)
def test_a_history_tells_how_near_it_is_to_its_budget(
    events: int, size: int, fan_out: int, expected: tuple[str, str, str]
) -> None:
    assert tuple(bounds.pressure(Limits(), events, size, fan_out).values()) == expected


def test_a_budget_of_nothing_is_none() -> None:
    limits = Limits(history_events_soft=0, history_events_hard=0)

    assert bounds.pressure(limits, 10**6, 0, 0)["event_count"] == "ok"


@pytest.mark.parametrize("position", range(4))
@pytest.mark.parametrize("wrong", [{"type": "fly"}, {"type": None}, {"type": ""}, {}])
def test_an_unknown_command_refuses_the_batch_wherever_it_stands(
    position: int, wrong: dict[str, Any]
) -> None:
    story = leased()
    before, count = story.state, len(story.events)
    batch: list[dict[str, Any]] = [ACTIVITY, NOTE, TIMER]
    batch.insert(position, wrong)
    with pytest.raises(Refusal) as refused:
        story.complete(*batch)

    assert refused.value.reason == "validation_failed"
    assert list(refused.value.facts["errors"]) == [f"commands.{position}.type"]
    assert (story.state, len(story.events)) == (before, count)


def test_an_empty_completion_only_ends_its_task() -> None:
    story = leased()
    count = len(story.events)
    answer = story.complete().answer

    assert (answer["recorded"], answer["created_task_ids"]) == (True, [])
    assert len(story.events) == count
    assert story.state.run.task_id is None


@pytest.mark.parametrize("batch", [[ACTIVITY], [TIMER], [ACTIVITY, ACTIVITY, TIMER], [CHILD]])
def test_open_commands_that_are_sent_again_are_not_applied_again(batch: list[Any]) -> None:
    story = leased()
    story.complete(NOTE, *batch)
    story.wake()
    before, count = story.state.run.copied(), len(story.events)
    answer = story.complete(*batch).answer

    assert len(story.events) == count
    assert answer["created_task_ids"] == []
    assert story.state.run.barriers == before.barriers
    assert story.state.run.task_id is None


def test_another_command_beside_an_open_one_is_applied() -> None:
    story = leased()
    story.complete(ACTIVITY)
    story.wake()
    story.complete({**ACTIVITY, "activity_type": "b"})

    assert story.types.count("ActivityScheduled") == 2
