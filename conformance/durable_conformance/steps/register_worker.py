"""`register_worker`: a worker whose id is this scenario's own."""

from typing import Any

from durable_conformance.client import Exchange, Request
from durable_conformance.steps.context import Context, fields_of, plane_request

OPERATION = "workers.register"
DEFAULT_WORKER = "worker"


def run(step: dict[str, Any], context: Context) -> None:
    """Register a worker; what the step does not say is filled in."""
    step = context.variables.fill(step)
    name = step.get("worker_id", DEFAULT_WORKER)
    exchange = register(name, step, context)
    context.conclude(step, exchange, {"status": {"one_of": [200, 201]}})


def register(name: str, step: dict[str, Any], context: Context) -> Exchange:
    """Register the worker that the scenario calls `name`."""
    body = {
        "task_queue": context.variables.look_up("queue"),
        "runtime": "python",
        **fields_of(step),
        "worker_id": context.variables.look_up(f"worker.{name}"),
    }
    parts = plane_request(step, OPERATION, context)
    exchange = context.send(Request(url_path=parts["operation"].path, body=body, **parts))
    context.registered[name] = body["task_queue"]
    return exchange
