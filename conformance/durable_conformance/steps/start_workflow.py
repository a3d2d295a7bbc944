"""`start_workflow`: a workflow with an id and a task queue of this scenario's own."""

from typing import Any

from durable_conformance.client import Request
from durable_conformance.steps.context import Context, fields_of, plane_request

OPERATION = "workflows.start"


def run(step: dict[str, Any], context: Context) -> None:
    """Start a workflow; what the step does not say is filled in."""
    step = context.variables.fill(step)
    body = {
        "workflow_id": context.variables.look_up("workflow"),
        "workflow_type": "conformance.echo",
        "task_queue": context.variables.look_up("queue"),
        **fields_of(step),
    }
    parts = plane_request(step, OPERATION, context)
    exchange = context.send(Request(url_path=parts["operation"].path, body=body, **parts))
    context.conclude(step, exchange, {"status": 201})
