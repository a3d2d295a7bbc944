"""Workflow tasks: fencing, repeats, commands all or nothing, failure with backoff."""

import pytest
from durable_server.clock import SECOND
from durable_server.engine import activity_report, commands, start, timeouts, timer, workflow_task
from durable_server.engine.commands import TaskFailure
from durable_server.engine.run_state import Payload
from durable_server.refusal import Refusal

from tests.engine.builders import Story, completion, wanted

ACTIVITY = {"type": "schedule_activity", "activity_type": "charge"}
DONE = {"type": "complete_workflow", "result": {"ok": True}}


def reported(story: Story, attempt_id: str, outcome: str = "completed") -> activity_report.Report:
    execution = attempt_id.rpartition(".")[0]
    task_id = story.state.activities[execution].task_id
    return activity_report.Report(task_id or "", attempt_id, "worker-1", outcome, outcome)


def test_a_start_records_two_events_and_one_ready_task() -> None:
    story = Story()

    assert story.types == ["StartAccepted", "WorkflowStarted"]
    assert story.state.tasks[story.task_id()].status == "ready"


def test_starting_a_taken_id_is_refused_and_use_existing_answers_with_the_open_run() -> None:
    story = Story()
    again = wanted(run_id="run-2")
    with pytest.raises(Refusal) as refused:
        start.start_again(again, story.state, story.moment)
    existing = again._replace(duplicate_policy="use-existing")
    answer = start.start_again(existing, story.state, story.moment).answer

    assert refused.value.reason == "duplicate_not_allowed"
    assert (answer["run_id"], answer["outcome"]) == ("run-1", "returned_existing_active")


def test_an_activity_resumes_the_run_and_the_workflow_completes() -> None:
    story = Story()
    story.lease()
    story.complete(ACTIVITY)
    attempt = story.start_activity()
    story.apply(activity_report.complete, reported(story, attempt), Payload("avro", "AA=="))
    story.lease()
    answer = story.complete(DONE).answer

    assert answer["run_status"] == "completed"
    assert story.types[2:] == [
        "ActivityScheduled",
        "ActivityStarted",
        "ActivityCompleted",
        "WorkflowCompleted",
    ]


def test_a_repeated_completion_is_answered_the_same_and_adds_nothing() -> None:
    story = Story()
    task_id = story.lease()
    first = story.complete(ACTIVITY, task_id=task_id).answer
    count = len(story.events)
    second = story.complete(ACTIVITY, task_id=task_id).answer

    assert second == first
    assert len(story.events) == count


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lease_owner": "other"}, "lease_owner_mismatch.workflow"),
        ({"attempt": 9}, "workflow_task_attempt_mismatch"),
        ({"task_id": "nobody"}, "task_not_found.workflow"),
    ],
)
def test_a_foreign_or_stale_completion_is_refused(change: dict[str, object], reason: str) -> None:
    story = Story()
    task_id = story.lease()
    sent = completion(story.state, task_id, DONE)._replace(**change)

    with pytest.raises(Refusal) as refused:
        workflow_task.complete(story.state, story.moment, sent)

    assert refused.value.reason == reason
    assert not story.state.run.closed


def test_an_expired_lease_refuses_its_holder_and_the_next_lease_is_attempt_two() -> None:
    story = Story()
    task_id = story.lease()
    story.advance(301)
    with pytest.raises(Refusal) as refused:
        story.complete(DONE)
    story.apply(timeouts.expire_lease, task_id)
    story.lease()

    assert refused.value.reason == "lease_expired"
    assert story.state.tasks[task_id].attempt == 2


def test_unknown_commands_are_refused_by_index() -> None:
    with pytest.raises(Refusal) as refused:
        commands.parse([ACTIVITY, {"type": "fly"}])

    assert list(refused.value.facts["errors"]) == ["commands.1.type"]


def test_nothing_may_follow_a_command_that_ends_the_run() -> None:
    story = Story()
    story.lease()

    with pytest.raises(Refusal) as refused:
        story.complete(DONE, ACTIVITY)

    assert refused.value.reason == "invalid_commands"
    assert story.types == ["StartAccepted", "WorkflowStarted"]


def test_results_of_a_group_are_recorded_in_the_order_of_its_commands() -> None:
    story = Story()
    story.lease()
    story.complete({**ACTIVITY, "activity_type": "a"}, {**ACTIVITY, "activity_type": "b"})
    first, second = story.start_activity(), story.start_activity()
    story.apply(activity_report.complete, reported(story, second), Payload("avro", "Yg=="))
    waiting = story.state.run.task_id
    story.apply(activity_report.complete, reported(story, first), Payload("avro", "YQ=="))
    results = [payload for kind, payload in story.events if kind == "ActivityCompleted"]

    assert waiting is None
    assert '"activity_type":"a"' in results[0]
    assert '"activity_type":"b"' in results[1]
    assert story.state.run.task_id is not None


def test_a_timer_fires_when_due_and_once() -> None:
    story = Story()
    story.lease()
    created = story.complete({"type": "start_timer", "delay_seconds": 5}).answer["created_task_ids"]
    early = timer.fire(story.state, story.moment, created[0])
    assert (early.answer, early.events, early.timers) == (False, [], {})
    story.advance(5)
    story.apply(timer.fire, created[0])
    story.apply(timer.fire, created[0])

    assert story.types.count("TimerFired") == 1
    assert story.state.run.task_id is not None


def test_a_failed_task_is_offered_again_after_a_growing_delay() -> None:
    story = Story()
    delays = []
    for number in (1, 2, 3):
        task_id = story.lease()
        attempt = story.state.tasks[task_id].attempt
        report = TaskFailure(task_id, "worker-1", attempt, "boom", None, f"digest-{number}")
        story.apply(workflow_task.fail, report)
        due = story.state.tasks[story.task_id()].available_at
        delays.append((due - story.now) // SECOND)
        story.now = due

    assert delays == [1, 2, 4]
    assert story.types == ["StartAccepted", "WorkflowStarted"]


def test_a_failing_activity_is_tried_as_often_as_its_policy_allows() -> None:
    story = Story()
    story.lease()
    policy = {"max_attempts": 2, "backoff_seconds": [3]}
    story.complete({**ACTIVITY, "retry_policy": policy})
    failure = {"message": "no", "type": "Declined"}
    attempt = story.start_activity()
    story.apply(activity_report.fail, reported(story, attempt, "failed"), failure)
    story.advance(3)
    attempt = story.start_activity()
    story.apply(activity_report.fail, reported(story, attempt, "failed"), failure)

    assert attempt.endswith(".2")
    assert story.types[-3:] == ["ActivityRetryScheduled", "ActivityStarted", "ActivityFailed"]


def test_a_non_retryable_failure_is_final_whatever_the_policy() -> None:
    story = Story()
    story.lease()
    story.complete({**ACTIVITY, "retry_policy": {"max_attempts": 5}})
    attempt = story.start_activity()
    failure = {"message": "no", "non_retryable": True}
    story.apply(activity_report.fail, reported(story, attempt, "failed"), failure)

    assert story.types[-1] == "ActivityFailed"


def test_a_run_past_its_deadline_is_closed_and_its_open_work_cancelled() -> None:
    story = Story()
    story.state.run.run_deadline_at = story.state.run.deadline_at = story.now + 10 * SECOND
    story.lease()
    story.complete(ACTIVITY)
    story.start_activity()
    story.advance(10)
    story.apply(timeouts.time_out_run)

    assert story.state.run.closed_reason == "timed_out"
    assert story.types[-3:] == ["ActivityCancelled", "WorkflowFailed", "WorkflowTimedOut"]
    assert not [t for t in story.state.tasks.values() if t.status in ("ready", "leased")]
