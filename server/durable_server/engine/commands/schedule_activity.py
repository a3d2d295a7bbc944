"""`schedule_activity`: the workflow asks for an activity, with retry policy and timeouts."""

from typing import Any, NamedTuple

from durable_server.engine import activity_task
from durable_server.engine.commands.fields import Fields, encoded
from durable_server.engine.commands.groups import parse_group
from durable_server.engine.commands.retry_fields import ONCE, parse_retry_policy
from durable_server.engine.decision import Draft
from durable_server.engine.retry import ActivityOptions
from durable_server.engine.run_state import Payload

_ORDERINGS = (
    ("heartbeat_timeout", "start_to_close_timeout"),
    ("start_to_close_timeout", "schedule_to_close_timeout"),
    ("schedule_to_start_timeout", "schedule_to_close_timeout"),
)


class ScheduleActivity(NamedTuple):
    """What to run, where, and how often to try; `options` is None when none was given."""

    activity_type: str
    arguments: Payload | None
    queue: str | None
    options: ActivityOptions | None
    group: dict[str, Any] | None
    cancellation_policy: str | None


def parse(fields: Fields) -> ScheduleActivity:
    """Read the command; `task_queue` and `input` stand in for `queue` and `arguments`."""
    activity_type = fields.required_text(
        "activity_type", "Schedule activity commands require a non-empty activity_type."
    )
    return ScheduleActivity(
        activity_type,
        fields.payload("arguments", "input"),
        fields.text("queue") or fields.text("task_queue"),
        options_in(fields),
        parse_group(fields),
        fields.text("cancellation_policy"),
    )


def apply(draft: Draft, command: ScheduleActivity, batch: Any) -> str:
    """Schedule the activity; returns the id of its task.

    Workers compare the policy with their code on replay, so it is echoed like a group.
    """
    echoed = dict(command.group or {})
    if command.cancellation_policy is not None:
        echoed["cancellation_policy"] = command.cancellation_policy
    return activity_task.schedule(
        draft,
        activity_task.Scheduling(
            activity_type=command.activity_type,
            arguments=encoded(draft, command.arguments),
            task_queue=command.queue or draft.run.task_queue,
            options=command.options,
            group=echoed or None,
            barrier=batch.barrier,
        ),
    )


def options_in(fields: Fields) -> ActivityOptions | None:
    """The retry policy and the timeouts of a command; None when it has none of them."""
    names = ("start_to_close", "schedule_to_start", "schedule_to_close", "heartbeat")
    timeouts = {f"{name}_timeout": fields.integer(f"{name}_timeout", least=1) for name in names}
    for shorter, longer in _ORDERINGS:
        first, second = timeouts[shorter], timeouts[longer]
        if first is not None and second is not None and first > second:
            fields.problem(shorter, f"{shorter} cannot exceed {longer}.")
    policy = parse_retry_policy(fields)
    if policy is None and not any(timeouts.values()):
        return None
    attempts, backoff, error_types = policy or ONCE
    return ActivityOptions(
        max_attempts=attempts,
        backoff_seconds=backoff,
        non_retryable_error_types=error_types,
        **timeouts,
    )
