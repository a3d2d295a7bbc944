"""`record_local_activity`: an activity that the worker ran itself, with how it ended."""

from typing import Any, NamedTuple

from durable_server import payloads
from durable_server.engine import local_activity
from durable_server.engine.commands.fields import Fields, encoded
from durable_server.engine.commands.schedule_activity import options_in
from durable_server.engine.decision import Draft
from durable_server.engine.local_activity import LocalActivity
from durable_server.engine.retry import ActivityOptions
from durable_server.engine.run_state import Payload

ATTEMPTS_MAX = 1000
_TIMEOUTS = ("start_to_close", "schedule_to_close", "heartbeat")
_NO_RESULT = payloads.plain(None)


class RecordLocalActivity(NamedTuple):
    """The activity as the worker reports it."""

    activity_type: str
    arguments: Payload | None
    options: ActivityOptions | None
    outcome: str
    attempts: list[dict[str, Any]]
    result: Payload | None
    failure: dict[str, Any]
    timeout_kind: str


def parse(fields: Fields) -> RecordLocalActivity:
    """Read the command."""
    activity_type = fields.required_text(
        "activity_type", "Record local activity commands require a non-empty activity_type."
    )
    outcome = fields.text("outcome") or ""
    if outcome not in local_activity.STATUSES:
        allowed = ", ".join(local_activity.STATUSES)
        fields.problem("outcome", f"The outcome must be one of: {allowed}.")
    if fields.raw.get("execution_mode", "local") != "local":
        fields.problem("execution_mode", "The execution_mode of a local activity is local.")
    return RecordLocalActivity(
        activity_type,
        fields.payload("arguments", "input"),
        options_in(fields),
        outcome,
        _attempts(fields),
        fields.payload("result"),
        _failure(fields, outcome),
        _timeout_kind(fields, outcome),
    )


def apply(draft: Draft, command: RecordLocalActivity, batch: Any) -> None:
    """Record the activity as a closed step."""
    result = encoded(draft, command.result or _NO_RESULT)
    parts = {**command._asdict(), "arguments": encoded(draft, command.arguments), "result": result}
    local_activity.record(draft, LocalActivity(**parts))


def _attempts(fields: Fields) -> list[dict[str, Any]]:
    attempts = fields.raw.get("attempts") or []
    listed = isinstance(attempts, list) and all(isinstance(each, dict) for each in attempts)
    if not listed or len(attempts) > ATTEMPTS_MAX:
        fields.problem("attempts", f"The attempts field is a list of at most {ATTEMPTS_MAX}.")
        return []
    return attempts


def _failure(fields: Fields, outcome: str) -> dict[str, Any]:
    if outcome == "completed":
        return {}
    message = fields.required_text(
        "message", "A local activity that did not complete requires a non-empty message."
    )
    return {
        "message": message,
        "type": fields.text("exception_type"),
        "class": fields.text("exception_class"),
        "non_retryable": fields.boolean("non_retryable"),
    }


def _timeout_kind(fields: Fields, outcome: str) -> str:
    kind = fields.text("timeout_kind") or "start_to_close"
    if outcome == "timed_out" and kind not in _TIMEOUTS:
        fields.problem("timeout_kind", f"The timeout_kind must be one of: {', '.join(_TIMEOUTS)}.")
    return kind
