"""`request`: bare HTTP, for addresses and bodies that no operation of the contract has."""

from typing import Any

from durable_conformance.client import ABSENT, Request
from durable_conformance.steps.context import Context

_CHUNK = "x" * 1024


def run(step: dict[str, Any], context: Context) -> None:
    """Send a request to a path and check what comes back."""
    step = context.variables.fill(step)
    headers = dict(step.get("headers", {}))
    if "namespace" in step:
        headers.setdefault("X-Namespace", step["namespace"])
    request = Request(
        method=step["method"],
        url_path=step["url_path"],
        plane=step["plane"],
        role=step.get("role"),
        query=step.get("query", {}),
        body=step.get("body", ABSENT),
        raw_body=_raw(step),
        headers=headers,
    )
    context.conclude(step, context.send(request), {})


def _raw(step: dict[str, Any]) -> bytes | None:
    if "kilobytes" in step:
        filling = _CHUNK * int(step["kilobytes"])
        return f'{{"filling":"{filling}"}}'.encode()
    raw = step.get("raw_body")
    return raw.encode() if raw is not None else None
