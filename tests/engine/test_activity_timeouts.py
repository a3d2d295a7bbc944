"""The four deadlines of an activity: which one counts, and what follows when it passes."""

import json
from typing import Any

import pytest
from durable_server.clock import SECOND
from durable_server.engine import activity_report, timeouts

from tests.engine.builders import Story


def waiting(**options: Any) -> Story:
    """A run whose one activity is ready for a worker."""
    story = Story()
    story.lease()
    story.complete({"type": "schedule_activity", "activity_type": "ship", **options})
    return story


def activity_id(story: Story) -> str:
    (only,) = story.state.activities
    return only


def enforce(story: Story) -> None:
    story.apply(timeouts.time_out_activity, activity_id(story))


def last_payload(story: Story) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(story.events[-1][1])
    return payload


@pytest.mark.parametrize(
    ("option", "kind", "started"),
    [
        ("schedule_to_start_timeout", "schedule_to_start", False),
        ("schedule_to_close_timeout", "schedule_to_close", False),
        ("schedule_to_close_timeout", "schedule_to_close", True),
        ("start_to_close_timeout", "start_to_close", True),
        ("heartbeat_timeout", "heartbeat", True),
    ],
)
def test_a_deadline_that_passes_without_attempts_left_times_the_activity_out(
    option: str, kind: str, started: bool
) -> None:
    story = waiting(**{option: 2})
    if started:
        story.start_activity()
    before = list(story.types)

    story.advance(1.9)
    enforce(story)
    assert story.types == before

    story.advance(0.1)
    enforce(story)
    assert story.types[-1] == "ActivityTimedOut"
    assert last_payload(story)["timeout_kind"] == kind
    assert story.state.activities[activity_id(story)].due_at is None
    assert story.state.run.task_id is not None


def test_a_wait_that_no_worker_ends_counts_as_an_attempt() -> None:
    story = waiting(schedule_to_start_timeout=1, retry_policy={"max_attempts": 2})
    story.advance(1)
    enforce(story)
    assert story.types[-1] == "ActivityRetryScheduled"
    assert last_payload(story)["timeout_kind"] == "schedule_to_start"

    story.advance(1)
    enforce(story)
    assert story.types[-1] == "ActivityTimedOut"


@pytest.mark.parametrize("option", ["start_to_close_timeout", "heartbeat_timeout"])
def test_an_attempt_that_ran_too_long_is_followed_by_the_next_one(option: str) -> None:
    story = waiting(**{option: 1}, retry_policy={"max_attempts": 2, "backoff_seconds": [3]})
    story.start_activity()
    story.advance(1)
    enforce(story)
    assert story.types[-1] == "ActivityRetryScheduled"

    story.advance(3)
    assert story.start_activity().endswith(".2")


def test_the_time_for_the_whole_activity_leaves_no_further_attempt() -> None:
    story = waiting(schedule_to_close_timeout=1, retry_policy={"max_attempts": 9})
    story.start_activity()
    story.advance(1)
    enforce(story)

    assert story.types[-1] == "ActivityTimedOut"


def test_a_heartbeat_moves_its_own_deadline_only() -> None:
    story = waiting(heartbeat_timeout=2, start_to_close_timeout=3)
    attempt = story.start_activity()
    story.advance(1.5)
    report = activity_report.Report(
        story.state.activities[activity_id(story)].task_id or "", attempt, "worker-1", "", ""
    )
    answer = story.apply(activity_report.heartbeat, report, {}).answer
    story.advance(0.5)
    enforce(story)

    assert answer["can_continue"] is True
    assert answer["run_closed_reason"] is answer["run_closed_at"] is None
    assert "ActivityTimedOut" not in story.types
    story.advance(1)
    enforce(story)
    assert last_payload(story)["timeout_kind"] == "start_to_close"


def test_the_wait_for_a_worker_is_measured_anew_when_a_lease_has_ended() -> None:
    story = waiting(schedule_to_start_timeout=5, retry_policy={"max_attempts": 2})
    story.start_activity()
    task_id = story.state.activities[activity_id(story)].task_id or ""
    story.advance(1000)
    story.apply(timeouts.expire_lease, task_id)

    assert story.state.activities[activity_id(story)].due_at == story.now + 5 * SECOND
