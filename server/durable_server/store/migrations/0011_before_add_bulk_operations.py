"""What is done to many runs at once, and how far it has come."""

from typing import Any

_TABLE = """CREATE TABLE bulk_operations (
    "namespace" TEXT NOT NULL,
    "operation_id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "query" TEXT NOT NULL,
    "reason" TEXT,
    "signal_name" TEXT,
    "input" TEXT,
    "request_id" TEXT,
    "fingerprint" TEXT NOT NULL,
    "command" TEXT NOT NULL,
    "runs_max" {bigint},
    "rate" {bigint} NOT NULL,
    "status" TEXT NOT NULL,
    "closed_reason" TEXT,
    "matched" {bigint} NOT NULL,
    "matched_exact" {boolean} NOT NULL,
    "done" {bigint} NOT NULL,
    "skipped" {bigint} NOT NULL,
    "failed" {bigint} NOT NULL,
    "failures" TEXT NOT NULL,
    "cursor" TEXT,
    "batch" TEXT,
    "lease_owner" TEXT,
    "lease_expires_at" {bigint},
    "due_at" {bigint} NOT NULL,
    "created_at" {bigint} NOT NULL,
    "updated_at" {bigint} NOT NULL,
    "closed_at" {bigint},
    PRIMARY KEY ("namespace", "operation_id"))"""
_INDEXES = (
    "CREATE UNIQUE INDEX bulk_operations_by_request ON bulk_operations (namespace, request_id)",
    "CREATE INDEX bulk_operations_due ON bulk_operations (due_at) WHERE status = 'running'",
    "CREATE INDEX bulk_operations_closed ON bulk_operations (closed_at)"
    " WHERE closed_at IS NOT NULL",
)
_TYPES = {
    "postgresql": {"bigint": "BIGINT", "boolean": "BOOLEAN"},
    "sqlite": {"bigint": "INTEGER", "boolean": "INTEGER"},
}


def apply(kind: str, cursor: Any) -> None:
    """Create the table and the indexes."""
    cursor.execute(_TABLE.format(**_TYPES[kind]))
    for index in _INDEXES:
        cursor.execute(index)
