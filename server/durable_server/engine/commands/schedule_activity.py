"""`schedule_activity`: the workflow asks for an activity, with retry policy and timeouts."""

from typing import Any, NamedTuple

from durable_server.engine import activity_task
from durable_server.engine.commands.fields import Fields, encoded
from durable_server.engine.commands.groups import parse_group
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


def parse(fields: Fields) -> ScheduleActivity:
    """Read the command; `task_queue` and `input` stand in for `queue` and `arguments`."""
    activity_type = fields.required_text(
        "activity_type", "Schedule activity commands require a non-empty activity_type."
    )
    return ScheduleActivity(
        activity_type,
        fields.payload("arguments", "input"),
        fields.text("queue") or fields.text("task_queue"),
        _options(fields),
        parse_group(fields),
    )


def apply(draft: Draft, command: ScheduleActivity, batch: Any) -> str:
    """Schedule the activity; returns the id of its task."""
    return activity_task.schedule(
        draft,
        activity_task.Scheduling(
            activity_type=command.activity_type,
            arguments=encoded(draft, command.arguments),
            task_queue=command.queue or draft.run.task_queue,
            options=command.options,
            group=command.group,
            barrier=batch.barrier,
        ),
    )


def _options(fields: Fields) -> ActivityOptions | None:
    names = ("start_to_close", "schedule_to_start", "schedule_to_close", "heartbeat")
    timeouts = {f"{name}_timeout": fields.integer(f"{name}_timeout", least=1) for name in names}
    for shorter, longer in _ORDERINGS:
        first, second = timeouts[shorter], timeouts[longer]
        if first is not None and second is not None and first > second:
            fields.problem(shorter, f"{shorter} cannot exceed {longer}.")
    policy = fields.raw.get("retry_policy")
    if policy is not None and not isinstance(policy, dict):
        fields.problem("retry_policy", "The retry_policy field must be an object.")
        return None
    if policy is None and not any(timeouts.values()):
        return None
    inner = Fields(policy or {}, f"{fields.path}.retry_policy", fields.errors)
    attempts = inner.integer("max_attempts", least=1)
    return ActivityOptions(
        max_attempts=1 if attempts is None else attempts,
        backoff_seconds=_backoff(inner),
        non_retryable_error_types=_error_types(inner),
        **timeouts,
    )


def _backoff(policy: Fields) -> tuple[int, ...]:
    raw = policy.raw.get("backoff_seconds")
    if raw is None:
        return ()
    items = raw if isinstance(raw, list) else [raw]
    numbered = Fields(
        {str(index): item for index, item in enumerate(items)},
        f"{policy.path}.backoff_seconds",
        policy.errors,
    )
    return tuple(numbered.integer(str(index), least=0) or 0 for index in range(len(items)))


def _error_types(policy: Fields) -> tuple[str, ...]:
    raw = policy.raw.get("non_retryable_error_types") or []
    if not isinstance(raw, list) or not all(isinstance(item, str) for item in raw):
        policy.problem("non_retryable_error_types", "Error types must be a list of strings.")
        return ()
    return tuple(dict.fromkeys(item.strip() for item in raw if item.strip()))
