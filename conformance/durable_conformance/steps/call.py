"""`call`: one operation, once."""

from typing import Any

from durable_conformance.client import ABSENT, Exchange, Request, url_path
from durable_conformance.steps.context import Context, plane_request


def run(step: dict[str, Any], context: Context) -> None:
    """Call an operation and check what it answers."""
    step = context.variables.fill(step)
    exchange = send(step, context)
    context.conclude(step, exchange, {"status": {"at_most": 299}})


def send(step: dict[str, Any], context: Context) -> Exchange:
    """Send the request that a filled-in step describes."""
    parts = plane_request(step, step["operation"], context)
    raw = step.get("raw_body")
    request = Request(
        url_path=url_path(parts["operation"], step.get("path", {})),
        query=step.get("query", {}),
        body=step.get("body", ABSENT),
        raw_body=raw.encode() if raw is not None else None,
        **parts,
    )
    return context.send(request)
