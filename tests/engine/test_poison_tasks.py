"""Workflow tasks that kill or fail every worker that takes them are slowed down."""

from durable_server.clock import SECOND
from durable_server.engine import timeouts, workflow_task
from durable_server.engine.commands import TaskFailure

from tests.engine.builders import Story


def expire(story: Story) -> tuple[int, int]:
    """Let a worker take the task and die; how long the task then waits, and how often it failed."""
    task_id = story.lease()
    story.advance(301)
    story.apply(timeouts.expire_lease, task_id)
    task = story.state.tasks[task_id]
    waits = (task.available_at - story.now) // SECOND
    story.now = task.available_at
    return waits, task.failure_count


def test_a_task_that_loses_its_workers_is_offered_at_once_and_then_ever_later() -> None:
    story = Story()
    seen = [expire(story) for _ in range(10)]

    assert [waits for waits, _ in seen] == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60]
    assert [failures for _, failures in seen] == list(range(1, 11))


def test_a_lost_worker_is_told_of_and_forgotten_with_the_next_completion() -> None:
    story = Story()
    for _ in range(4):
        expire(story)
    task_id = story.task_id()
    error = story.state.tasks[task_id].last_error
    story.lease()
    story.complete({"type": "start_timer", "delay_seconds": 1})
    after = story.state.tasks[task_id]

    assert error == "The lease of attempt 4 ended without a report of its worker."
    assert (after.failure_count, after.last_error) == (0, None)
    assert story.types == ["StartAccepted", "WorkflowStarted", "TimerScheduled"]


def test_failures_and_lost_workers_count_together() -> None:
    story = Story()
    expire(story)
    task_id = story.lease()
    attempt = story.state.tasks[task_id].attempt
    report = TaskFailure(task_id, "worker-1", attempt, "boom", None, "digest")
    story.apply(workflow_task.fail, report)
    again = story.state.tasks[story.task_id()]

    assert again.failure_count == 2
    assert again.available_at - story.now == 2 * SECOND


def test_the_longest_wait_is_the_one_set() -> None:
    story = Story(task_backoff_seconds_max=3)

    assert [expire(story)[0] for _ in range(7)] == [0, 0, 1, 2, 3, 3, 3]


def test_a_worker_that_is_gone_before_its_answer_is_no_failure() -> None:
    story = Story()
    task_id = story.lease()
    story.apply(timeouts.return_task, task_id, "worker-1", 1)
    task = story.state.tasks[task_id]

    assert (task.status, task.failure_count, task.available_at) == ("ready", 0, story.now)
