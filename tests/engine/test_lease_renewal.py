"""Extending the lease of an activity without a heartbeat."""

import pytest
from durable_server.clock import SECOND, to_micro_text
from durable_server.engine import activity_report, timeouts
from durable_server.engine.activity_report import Report
from durable_server.engine.run_state import Payload
from durable_server.refusal import Refusal

from tests.engine.builders import Story

ACTIVITY = {"type": "schedule_activity", "activity_type": "charge", "heartbeat_timeout": 30}


@pytest.fixture
def story() -> Story:
    story = Story()
    story.lease()
    story.complete(ACTIVITY)
    return story


def report(story: Story, attempt_id: str, owner: str = "worker-1") -> Report:
    activity = story.state.activities[attempt_id.rpartition(".")[0]]
    return Report(activity.task_id or "", attempt_id, owner, "renewal", "digest")


def test_a_renewal_extends_the_lease_and_nothing_else(story: Story) -> None:
    attempt = story.start_activity()
    before = story.state.activities[attempt.rpartition(".")[0]]
    count = len(story.events)
    story.advance(20)
    answer = story.apply(activity_report.renew, report(story, attempt)).answer
    activity = story.state.activities[before.activity_execution_id]

    assert (answer["lease_renewed"], answer["can_continue"], answer["reason"]) == (True, True, None)
    assert answer["lease_expires_at"] == to_micro_text(story.now + 300 * SECOND)
    assert answer["server_time"] == to_micro_text(story.now)
    assert (activity, len(story.events)) == (before, count)
    assert story.state.tasks[activity.task_id or ""].lease_expires_at == story.now + 300 * SECOND


def test_a_renewal_tells_of_the_progress_that_heartbeats_told(story: Story) -> None:
    attempt = story.start_activity()
    story.advance(5)
    story.apply(activity_report.heartbeat, report(story, attempt), {})
    beaten = story.now
    story.advance(5)
    answer = story.apply(activity_report.renew, report(story, attempt)).answer

    assert answer["last_heartbeat_at"] == to_micro_text(beaten)
    assert answer["heartbeat_deadline_at"] == to_micro_text(beaten + 30 * SECOND)


def test_a_lease_that_has_ended_is_not_revived(story: Story) -> None:
    attempt = story.start_activity()
    story.advance(301)
    answer = story.apply(activity_report.renew, report(story, attempt)).answer

    assert (answer["lease_renewed"], answer["can_continue"]) == (False, False)
    assert answer["reason"] == "lease_expired"


def test_a_superseded_attempt_and_a_closed_one_are_told_no(story: Story) -> None:
    first = story.start_activity()
    task_id = story.state.activities[first.rpartition(".")[0]].task_id or ""
    story.advance(301)
    story.state.activities[first.rpartition(".")[0]] = story.state.activities[
        first.rpartition(".")[0]
    ]._replace(max_attempts=None)
    story.apply(timeouts.expire_lease, task_id)
    second = story.start_activity()
    stale = story.apply(activity_report.renew, report(story, first)).answer
    done = report(story, second)._replace(outcome="completed")
    story.apply(activity_report.complete, done, Payload("avro", "AA=="))
    closed = story.apply(activity_report.renew, report(story, second)).answer

    assert (stale["reason"], stale["lease_renewed"]) == ("stale_attempt", False)
    assert (closed["reason"], closed["lease_renewed"]) == ("attempt_closed", False)


def test_another_worker_is_refused(story: Story) -> None:
    attempt = story.start_activity()
    with pytest.raises(Refusal) as refused:
        story.apply(activity_report.renew, report(story, attempt, "stranger"))

    assert refused.value.reason == "lease_owner_mismatch.activity"
