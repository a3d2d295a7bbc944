"""Bulk operations as clients are shown them."""

from typing import Any

import orjson

from durable_server.clock import to_micro_text
from durable_server.engine import bulk
from durable_server.engine.bulk import BulkOperation


def shown(operation: BulkOperation) -> dict[str, Any]:
    """Everything that a client is told of a bulk operation."""
    closed_at = operation.closed_at
    return {
        "operation_id": operation.operation_id,
        "namespace": operation.namespace,
        "operation": operation.kind,
        "query": operation.query,
        "reason": operation.reason,
        "signal_name": operation.signal_name,
        "request_id": operation.request_id,
        "limit": operation.runs_max,
        "requests_per_second": operation.rate,
        "status": operation.status,
        "closed_reason": operation.closed_reason,
        "progress": {
            "matched": operation.matched,
            "matched_exact": bool(operation.matched_exact),
            "done": operation.done,
            "skipped": operation.skipped,
            "failed": operation.failed,
            "runs_per_second": round(bulk.speed(operation), 1),
            "seconds_left": bulk.seconds_left(operation),
        },
        "failures": orjson.Fragment(operation.failures),
        "created_at": to_micro_text(operation.created_at),
        "updated_at": to_micro_text(operation.updated_at),
        "closed_at": None if closed_at is None else to_micro_text(closed_at),
    }
