"""Where queries meet the workers that answer them, and how their workers are found."""

from typing import Any

_TABLE = """CREATE TABLE query_tasks (
    "shard" {bigint} NOT NULL,
    "query_task_id" {text} NOT NULL,
    "namespace" {text} NOT NULL,
    "task_queue" {text} NOT NULL,
    "workflow_id" {text} NOT NULL,
    "run_id" {text} NOT NULL,
    "type_name" {text} NOT NULL,
    "build_id" {text},
    "query_name" {text} NOT NULL,
    "codec" {text} NOT NULL,
    "arguments" {text} NOT NULL,
    "status" {text} NOT NULL,
    "attempt" {bigint} NOT NULL,
    "lease_owner" {text},
    "lease_expires_at" {bigint},
    "poll_request_id" {text},
    "created_at" {bigint} NOT NULL,
    "deadline_at" {bigint} NOT NULL,
    "expires_at" {bigint} NOT NULL,
    "result" {text},
    "result_codec" {text},
    "result_blob" {text},
    "failure" {text},
    PRIMARY KEY ("shard", "query_task_id"))"""
_INDEXES = (
    "CREATE INDEX query_tasks_open ON query_tasks"
    " (namespace, task_queue, created_at, query_task_id) WHERE status IN ('ready', 'leased')",
    "CREATE INDEX query_tasks_expiring ON query_tasks (expires_at)",
    "CREATE INDEX workers_by_queue ON workers (namespace, task_queue)",
)
_TYPES = {
    "postgresql": {"bigint": "BIGINT", "text": "TEXT"},
    "sqlite": {"bigint": "INTEGER", "text": "TEXT"},
}


def apply(kind: str, cursor: Any) -> None:
    """Create the table and the indexes."""
    cursor.execute(_TABLE.format(**_TYPES[kind]))
    for index in _INDEXES:
        cursor.execute(index)
