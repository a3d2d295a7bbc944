"""Activities that a workflow's own worker has carried out: only their history is kept.

No task, no lease and no row: the worker ran the activity under the lease of the workflow task and
reports it closed. It owns one step, whose two events say `execution_mode` local.
"""

from typing import Any, NamedTuple

from durable_server.clock import to_micro_text
from durable_server.engine import activity_events
from durable_server.engine.decision import Draft
from durable_server.engine.retry import ActivityOptions, options_text
from durable_server.engine.run_state import Activity, Payload

STATUSES = {
    "completed": "completed",
    "failed": "failed",
    "timed_out": "failed",
    "cancelled": "cancelled",
}


class LocalActivity(NamedTuple):
    """What was carried out and how it ended; outcome: a key of STATUSES."""

    activity_type: str
    arguments: Payload | None
    options: ActivityOptions | None
    outcome: str
    attempts: list[dict[str, Any]]
    result: Payload | None
    failure: dict[str, Any]
    timeout_kind: str


def record(draft: Draft, done: LocalActivity) -> None:
    """Record the activity as the next step of the run, scheduled and closed."""
    pending = _activity(draft, done)
    closed = pending._replace(
        status=STATUSES[done.outcome], attempt=max(1, len(done.attempts)), closed_at=draft.now
    )
    scheduled = activity_events.scheduled(pending, done.arguments)
    draft.append("ActivityScheduled", {**scheduled, "execution_mode": "local"})
    event_type, payload = _closing(draft, closed, done)
    local = {"execution_mode": "local", "attempts": done.attempts}
    draft.append(event_type, {**payload, **local})


def _closing(draft: Draft, activity: Activity, done: LocalActivity) -> tuple[str, dict[str, Any]]:
    if done.outcome == "completed":
        assert done.result is not None
        return "ActivityCompleted", activity_events.completed(activity, done.result)
    failed = activity_events.failed(activity, done.failure, draft.new_id())
    if done.outcome == "timed_out":
        timed = {"failure_category": "timeout", "timeout_kind": done.timeout_kind}
        return "ActivityTimedOut", {**failed, **timed}
    if done.outcome == "cancelled":
        cancelled = {"failure_category": "cancelled", "cancelled_at": to_micro_text(draft.now)}
        return "ActivityCancelled", {**failed, **cancelled}
    return "ActivityFailed", failed


def _activity(draft: Draft, done: LocalActivity) -> Activity:
    run = draft.run
    codec = done.arguments.codec if done.arguments else run.codec_name
    return Activity(
        shard=run.shard,
        activity_execution_id=draft.new_id(),
        run_id=run.run_id,
        step=draft.take_step(),
        barrier=0,
        activity_type=done.activity_type,
        task_queue=run.task_queue,
        status="pending",
        attempt=0,
        max_attempts=None,
        task_id=None,
        options=options_text(done.options),
        group=None,
        payload_codec=codec,
        scheduled_sequence=run.last_sequence + 1,
        schedule_to_start_at=None,
        start_to_close_at=None,
        schedule_to_close_at=None,
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
