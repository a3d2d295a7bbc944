"""Activities: scheduling, leasing to a worker, completion and failure with retries.

An activity lives over several attempts; each lease of its task is one. The id of an attempt is
`<activity execution id>.<attempt number>`, so an id alone says whether it is the current one.
"""

from typing import Any, NamedTuple

import orjson

from durable_server.clock import SECOND
from durable_server.engine import activity_events, steps, tasks
from durable_server.engine.decision import Decision, Draft, Moment
from durable_server.engine.resume import new_task
from durable_server.engine.retry import (
    ActivityOptions,
    attempts_left,
    backoff_seconds,
    may_retry,
    options_of,
    options_text,
)
from durable_server.engine.run_state import Activity, Payload, RunState, Task


class Scheduling(NamedTuple):
    """What a worker asked for, encoded and resolved."""

    activity_type: str
    arguments: Payload | None
    task_queue: str
    options: ActivityOptions | None
    group: dict[str, Any] | None
    barrier: int


def schedule(draft: Draft, wanted: Scheduling) -> str:
    """Schedule an activity as the next step of the run; returns the id of its task."""
    run, options = draft.run, wanted.options or ActivityOptions(max_attempts=None)
    activity_execution_id, task_id = draft.new_id(), draft.new_id()
    codec = wanted.arguments.codec if wanted.arguments else run.codec_name
    activity = Activity(
        shard=run.shard,
        activity_execution_id=activity_execution_id,
        run_id=run.run_id,
        step=draft.take_step(),
        barrier=wanted.barrier,
        activity_type=wanted.activity_type,
        task_queue=wanted.task_queue,
        status="pending",
        attempt=0,
        max_attempts=options.max_attempts,
        task_id=task_id,
        options=options_text(wanted.options),
        group=orjson.dumps(wanted.group).decode() if wanted.group else None,
        payload_codec=codec,
        scheduled_sequence=run.last_sequence + 1,
        schedule_to_start_at=_after(draft.now, options.schedule_to_start_timeout),
        start_to_close_at=None,
        schedule_to_close_at=_after(draft.now, options.schedule_to_close_timeout),
        heartbeat_at=None,
        due_at=None,
        created_at=draft.now,
        started_at=None,
        last_heartbeat_at=None,
        closed_at=None,
        lease_owner=None,
        digest=None,
        answer=None,
        closing=None,
    )
    run.open_activities += 1
    draft.append("ActivityScheduled", activity_events.scheduled(activity, wanted.arguments))
    draft.put_activity(with_due(activity), new=True)
    task = new_task(draft, task_id, "activity", wanted.activity_type, wanted.task_queue)
    draft.put_task(task._replace(activity_execution_id=activity_execution_id), new=True)
    return task_id


def lease(state: RunState, moment: Moment, task: Task, holder: tasks.Holder) -> Decision | None:
    """Hand a ready activity task to a worker: the next attempt begins."""
    activity = state.activities.get(task.activity_execution_id or "")
    if activity is None or activity.status != "pending":
        return None
    draft = Draft(state, moment)
    held = tasks.leased(task, holder, draft, moment.limits.activity_task_lease_seconds)
    options = options_of(activity.options)
    running = with_due(
        activity._replace(
            status="running",
            attempt=held.attempt,
            started_at=moment.now,
            start_to_close_at=_after(moment.now, options.start_to_close_timeout),
            heartbeat_at=_after(moment.now, options.heartbeat_timeout),
            lease_owner=holder.worker_id,
            digest=None,
            answer=None,
        )
    )
    draft.put_task(held)
    draft.put_activity(running)
    draft.append("ActivityStarted", activity_events.started(running), task_id=held.task_id)
    return draft.done()


def complete(state: RunState, moment: Moment, activity: Activity, result: Payload) -> Draft:
    """The current attempt succeeded; the guard has passed."""
    draft = Draft(state, moment)
    closed = _closed(draft, activity, "completed")
    payload = activity_events.completed(closed, result)
    if not draft.run.closed:
        steps.close(draft, closed, "ActivityCompleted", payload)
    return draft


def fail(
    state: RunState, moment: Moment, activity: Activity, failure: dict[str, Any]
) -> tuple[Draft, str | None]:
    """The current attempt failed: another one, or the end; returns the id of a retry task."""
    options = options_of(activity.options)
    if activity.options is not None:
        options = options._replace(max_attempts=activity.max_attempts)
    if may_retry(options, activity.attempt, failure) and not state.run.closed:
        draft = Draft(state, moment)
        cause = activity_events.failure_fields(failure)
        return draft, retry(draft, activity, cause)
    return fail_finally(state, moment, activity, failure), None


def fail_finally(
    state: RunState, moment: Moment, activity: Activity, failure: dict[str, Any]
) -> Draft:
    """The activity has failed, whatever its policy."""
    draft = Draft(state, moment)
    closed = _closed(draft, activity, "failed")
    if not draft.run.closed:
        payload = activity_events.failed(closed, failure, draft.new_id())
        steps.close(draft, closed, "ActivityFailed", payload)
    return draft


def retry(draft: Draft, activity: Activity, cause: dict[str, Any]) -> str:
    """Schedule the next attempt after its backoff; returns the id of the new task."""
    options = options_of(activity.options)
    delay = backoff_seconds(options, activity.attempt)
    available_at = draft.now + delay * SECOND
    old_task = draft.task(activity.task_id) if activity.task_id else None
    task_id = draft.new_id()
    payload = activity_events.retry_scheduled(activity, task_id, available_at, delay)
    draft.append("ActivityRetryScheduled", {**payload, **cause}, task_id=activity.task_id)
    if old_task is not None:
        draft.put_task(old_task._replace(status="completed"))
    task = new_task(draft, task_id, "activity", activity.activity_type, activity.task_queue)
    draft.put_task(
        task._replace(
            activity_execution_id=activity.activity_execution_id,
            available_at=available_at,
            attempt=activity.attempt,
        ),
        new=True,
    )
    # The wait for a worker is measured anew for each attempt.
    draft.put_activity(
        with_due(
            activity._replace(
                status="pending",
                task_id=task_id,
                schedule_to_start_at=_after(available_at, options.schedule_to_start_timeout),
                start_to_close_at=None,
                heartbeat_at=None,
                lease_owner=None,
            )
        )
    )
    return task_id


def release(state: RunState, moment: Moment, task: Task, *, received: bool) -> Decision:
    """Offer a leased activity task again: its lease ended, or its worker never received it.

    An attempt that no worker received does not count against the policy. One whose worker was lost
    does, where the workflow gave a policy; without attempts left the activity has failed.
    """
    activity = state.activities.get(task.activity_execution_id or "")
    if activity is None or activity.status != "running" or activity.task_id != task.task_id:
        draft = Draft(state, moment)
        draft.put_task(task._replace(status="cancelled"))
        return draft.done(False)
    if received and not attempts_left(activity.max_attempts, activity.attempt):
        return fail_finally(state, moment, activity, activity_events.worker_lost(activity)).done(
            True
        )
    draft = Draft(state, moment)
    allowed = activity.max_attempts
    if not received and allowed is not None:
        allowed += 1
    waits_until = activity.schedule_to_start_at
    if received:
        waits_until = _after(moment.now, options_of(activity.options).schedule_to_start_timeout)
    draft.put_task(tasks.released(task, moment.now))
    draft.put_activity(
        with_due(
            activity._replace(
                status="pending",
                max_attempts=allowed,
                schedule_to_start_at=waits_until,
                start_to_close_at=None,
                heartbeat_at=None,
                lease_owner=None,
            )
        )
    )
    return draft.done(True)


def with_due(activity: Activity) -> Activity:
    """The activity with the earliest of the deadlines that are in force."""
    deadlines: tuple[int | None, ...] = ()
    if activity.status == "pending":
        deadlines = (activity.schedule_to_start_at, activity.schedule_to_close_at)
    elif activity.status == "running":
        deadlines = (
            activity.start_to_close_at,
            activity.heartbeat_at,
            activity.schedule_to_close_at,
        )
    return activity._replace(due_at=min((at for at in deadlines if at is not None), default=None))


def _closed(draft: Draft, activity: Activity, status: str) -> Activity:
    """Close the activity's row and its task."""
    if activity.task_id is not None:
        task = draft.task(activity.task_id)
        if task.status in ("ready", "leased"):
            draft.put_task(task._replace(status="completed"))
    if not draft.run.closed:
        draft.run.open_activities -= 1
    closed = activity._replace(status=status, closed_at=draft.now, due_at=None)
    draft.put_activity(closed)
    return closed


def _after(now: int, seconds: int | None) -> int | None:
    return None if seconds is None else now + seconds * SECOND
