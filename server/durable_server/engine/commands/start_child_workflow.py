"""`start_child_workflow`: the workflow asks for another workflow and waits for its outcome."""

from typing import Any, NamedTuple

from durable_server import payloads
from durable_server.engine import child, trace_context
from durable_server.engine.commands.fields import OF_RUN, Fields
from durable_server.engine.commands.groups import parse_group
from durable_server.engine.commands.retry_fields import RetryFields, parse_retry_policy
from durable_server.engine.decision import Draft
from durable_server.engine.run_state import Payload

PARENT_CLOSE_POLICIES = ("abandon", "request_cancel", "terminate")


class StartChildWorkflow(NamedTuple):
    """Which child, where, for how long and how often; None where nothing was said."""

    workflow_type: str
    arguments: Payload | None
    queue: str | None
    parent_close_policy: str
    cancellation_policy: str | None
    retry: RetryFields | None
    execution_timeout_seconds: int | None
    run_timeout_seconds: int | None
    group: dict[str, Any] | None
    trace: str | None = None


def parse(fields: Fields) -> StartChildWorkflow:
    """Read the command; `task_queue` and `input` stand in for `queue` and `arguments`."""
    workflow_type = fields.required_text(
        "workflow_type", "Start child workflow commands require a non-empty workflow_type."
    )
    policy = fields.text("parent_close_policy") or "abandon"
    if policy not in PARENT_CLOSE_POLICIES:
        known = ", ".join(PARENT_CLOSE_POLICIES)
        fields.problem("parent_close_policy", f"parent_close_policy must be one of: {known}.")
    execution = fields.integer("execution_timeout_seconds", least=1)
    run = fields.integer("run_timeout_seconds", least=1)
    if execution is not None and run is not None and run > execution:
        text = "run_timeout_seconds cannot exceed execution_timeout_seconds."
        fields.problem("run_timeout_seconds", text)
    return StartChildWorkflow(
        workflow_type,
        fields.payload("arguments", "input"),
        fields.text("queue") or fields.text("task_queue"),
        policy,
        fields.text("cancellation_policy"),
        parse_retry_policy(fields),
        execution,
        run,
        parse_group(fields),
        trace_context.of_body(fields.raw.get("observability_context")),
    )


def apply(draft: Draft, command: StartChildWorkflow, batch: Any) -> str:
    """Start the child; returns the id of its first task."""
    call = child.ChildCall(
        workflow_type=command.workflow_type,
        arguments=_arguments(draft, command.arguments),
        task_queue=command.queue or draft.run.task_queue,
        policies=_policies(command),
        execution_timeout_seconds=command.execution_timeout_seconds,
        run_timeout_seconds=command.run_timeout_seconds,
        group=command.group,
        barrier=batch.barrier,
        trace=command.trace,
    )
    return child.schedule(draft, call)


def _arguments(draft: Draft, given: Payload | None) -> Payload:
    """The child's input; a plain value is encoded once the child's first worker is known."""
    if given is None:
        return payloads.EMPTY_ARGUMENTS
    if given.codec == OF_RUN:
        return Payload(draft.run.codec_name, given.blob)
    return given


def _policies(command: StartChildWorkflow) -> dict[str, Any]:
    """What every event of the step tells; what was not said is left out, as SDKs compare it."""
    policies: dict[str, Any] = {"parent_close_policy": command.parent_close_policy}
    if command.cancellation_policy is not None:
        policies["cancellation_policy"] = command.cancellation_policy
    if command.retry is not None:
        policies["retry_policy"] = {"snapshot_version": 1, **command.retry._asdict()}
    timeouts = {
        "execution_timeout_seconds": command.execution_timeout_seconds,
        "run_timeout_seconds": command.run_timeout_seconds,
    }
    if any(timeouts.values()):
        policies["timeout_policy"] = timeouts
    return policies
