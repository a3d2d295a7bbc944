"""The promise that answers are held against: its operations."""

from functools import cache

from durable_contracts import bundle
from durable_contracts.operations import Operation


@cache
def operations() -> dict[str, Operation]:
    """Every operation of the contract by its id."""
    return {operation.operation_id: operation for operation in bundle.operations()}
