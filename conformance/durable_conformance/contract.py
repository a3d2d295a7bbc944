"""The promise that answers are held against: operations, and whether an answer fits one."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from durable_contracts import bundle, events
from durable_contracts.operations import Operation
from jsonschema import Draft202012Validator

_PROBLEMS_MAX = 5
_TEXT_MAX = 200


@cache
def operations() -> dict[str, Operation]:
    """Every operation of the contract by its id."""
    return {operation.operation_id: operation for operation in bundle.operations()}


def problems(operation: Operation, status: int, media_type: str, body: Any) -> list[str]:
    """In what an answer breaks the contract of its operation; empty when it keeps it."""
    if status not in operation.responses:
        return [f"the contract of {operation.operation_id} has no status {status}"]
    if operation.responses[status] is None:
        return []
    if media_type.partition(";")[0].strip().lower() != "application/json":
        return [f"the contract wants application/json, the answer is {media_type or 'untyped'!r}"]
    found = sorted(
        _validator(operation.operation_id, status).iter_errors(body),
        key=lambda problem: problem.json_path,
    )
    texts = [f"{problem.json_path} breaks the contract: {problem.message}" for problem in found]
    # Events of schedules have their own types, which the schema of the answer judges whole.
    of_runs = operation.operation_id != "schedules.history"
    texts += problems_of_events(body) if of_runs and not found else []
    return [text[:_TEXT_MAX] for text in texts[:_PROBLEMS_MAX]]


def problems_of_events(body: Any) -> Iterator[str]:
    """In what the histories inside an answer break the contract: payloads, and gaps."""
    task = body.get("task") if isinstance(body, dict) else None
    for holder in (body, task):
        listed = _events_of(holder)
        for event in listed:
            yield from events.payload_problems(event["event_type"], event["payload"])
        numbers = [event["sequence"] for event in listed]
        if listed and numbers != [*range(numbers[0], numbers[0] + len(numbers))]:
            yield f"events are numbered {numbers}: with a gap, or one twice"


def _events_of(holder: Any) -> list[dict[str, Any]]:
    if not isinstance(holder, dict):
        return []
    found: list[dict[str, Any]] = holder.get("events") or holder.get("history_events") or []
    return found


@cache
def _validator(operation_id: str, status: int) -> Draft202012Validator:
    return Draft202012Validator(operations()[operation_id].responses[status] or {})
