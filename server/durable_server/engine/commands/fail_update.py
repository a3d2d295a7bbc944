"""`fail_update`: the handler of an update has failed, or refused it."""

from typing import Any, NamedTuple

from durable_server.engine import update_events
from durable_server.engine.commands.complete_update import NO_UPDATE, accepted_update
from durable_server.engine.commands.fail_workflow import category_of
from durable_server.engine.commands.fields import Fields
from durable_server.engine.decision import Draft


class FailUpdate(NamedTuple):
    """Which update, and its failure as the worker states it."""

    update_id: str
    message: str
    exception_type: str | None
    exception_class: str | None
    non_retryable: bool


def parse(fields: Fields) -> FailUpdate:
    """Read the command."""
    return FailUpdate(
        fields.required_text("update_id", NO_UPDATE),
        fields.required_text("message", "Fail update commands require a non-empty message."),
        fields.text("exception_type"),
        fields.text("exception_class"),
        fields.boolean("non_retryable"),
    )


def apply(draft: Draft, command: FailUpdate, batch: Any) -> None:
    """Record the failure; the run goes on."""
    update = accepted_update(draft, command.update_id, batch)
    exception_class = command.exception_class or command.exception_type or "RuntimeException"
    kind = {"type": command.exception_type} if command.exception_type else {}
    failure: dict[str, Any] = {
        "failure_category": category_of(command.message),
        "non_retryable": command.non_retryable,
        "exception_class": exception_class,
        "message": command.message,
        "code": 0,
        "exception": {"class": exception_class, **kind, "message": command.message, "code": 0},
    }
    if command.exception_type:
        failure["exception_type"] = command.exception_type
    update_events.fail(draft, update, failure)
