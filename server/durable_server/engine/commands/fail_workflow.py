"""`fail_workflow`: the run ends with a failure of the workflow's own code."""

from typing import Any, NamedTuple

from durable_server.engine import closing
from durable_server.engine.commands.fields import Fields
from durable_server.engine.decision import Draft

_TIMEOUT_WORDS = ("timed out", "timeout exceeded", "execution deadline", "run deadline")


class FailWorkflow(NamedTuple):
    """The failure as the worker states it."""

    message: str
    exception_type: str | None
    exception_class: str | None
    non_retryable: bool
    exception: dict[str, Any]
    failed_step_sequence: int | None
    failed_activity_execution_id: str | None


def parse(fields: Fields) -> FailWorkflow:
    """Read the command."""
    exception = fields.raw.get("exception") or {}
    if not isinstance(exception, dict):
        fields.problem("exception", "The exception field must be an object.")
        exception = {}
    return FailWorkflow(
        fields.required_text("message", "Fail workflow commands require a non-empty message."),
        fields.text("exception_type"),
        fields.text("exception_class"),
        fields.boolean("non_retryable"),
        exception,
        fields.integer("failed_step_sequence", least=1),
        fields.text("failed_activity_execution_id"),
    )


def apply(draft: Draft, command: FailWorkflow, batch: Any) -> None:
    """Close the run as failed."""
    run = draft.run
    # Clients read only exception_class, so the type stands in where no class was sent.
    exception_class = command.exception_class or command.exception_type or "RuntimeException"
    exception = {"class": exception_class, "message": command.message, "code": 0}
    if command.exception_type:
        exception["type"] = command.exception_type
    payload: dict[str, Any] = {
        "failure_id": draft.new_id(),
        "source_kind": "workflow_run",
        "source_id": run.run_id,
        "failure_category": category_of(command.message),
        "non_retryable": command.non_retryable,
        "exception_class": exception_class,
        "message": command.message,
        "exception": {**exception, **command.exception},
    }
    for name in ("exception_type", "failed_step_sequence", "failed_activity_execution_id"):
        if getattr(command, name) is not None:
            payload[name] = getattr(command, name)
    closing.close_run(draft, "failed", "failed")
    draft.append("WorkflowFailed", payload)
    closing.conclude(draft, payload)


def category_of(message: str) -> str:
    """What kind of failure a message tells of."""
    if message.startswith("Structural limit exceeded:"):
        return "structural_limit"
    lowered = message.lower()
    if any(words in lowered for words in _TIMEOUT_WORDS):
        return "timeout"
    return "application"
