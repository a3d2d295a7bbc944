"""The promise that answers are held against: operations, and whether an answer fits one."""

from functools import cache
from typing import Any

from durable_contracts import bundle
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
    return [
        f"{problem.json_path} breaks the contract: {problem.message[:_TEXT_MAX]}"
        for problem in found[:_PROBLEMS_MAX]
    ]


@cache
def _validator(operation_id: str, status: int) -> Draft202012Validator:
    return Draft202012Validator(operations()[operation_id].responses[status] or {})
