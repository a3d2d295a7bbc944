"""What events say beside their payloads, and the snapshots inside them."""

import orjson
from durable_server.engine import activity_report

from tests.engine.builders import Story

ACTIVITY = {"type": "schedule_activity", "activity_type": "charge"}


def test_events_name_the_task_whose_completion_or_lease_wrote_them() -> None:
    story = Story()
    task_id = story.lease()
    story.complete(ACTIVITY)
    attempt = story.start_activity()
    activity = story.state.activities[attempt.rpartition(".")[0]]

    scheduled, started = story.recorded[2:]

    assert (scheduled.event_type, scheduled.task_id) == ("ActivityScheduled", task_id)
    assert (started.event_type, started.task_id) == ("ActivityStarted", activity.task_id)


def test_a_retry_shows_its_activity_as_pending() -> None:
    story = Story()
    story.lease()
    story.complete({**ACTIVITY, "retry_policy": {"max_attempts": 2}})
    attempt = story.start_activity()
    task_id = story.state.activities[attempt.rpartition(".")[0]].task_id or ""
    report = activity_report.Report(task_id, attempt, "worker-1", "failed", "digest")

    story.apply(activity_report.fail, report, {"message": "once"})

    retried = story.recorded[-1]
    assert (retried.event_type, retried.task_id) == ("ActivityRetryScheduled", task_id)
    assert orjson.loads(retried.payload)["activity"]["status"] == "pending"
