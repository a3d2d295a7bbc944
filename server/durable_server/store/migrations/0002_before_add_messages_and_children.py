"""Signals, updates and children of runs, and what a run remembers of them."""

from typing import Any

_COLUMNS = (
    "runs ADD COLUMN command_count {bigint} NOT NULL DEFAULT 0",
    "runs ADD COLUMN open_children {bigint} NOT NULL DEFAULT 0",
    "runs ADD COLUMN open_signals {bigint} NOT NULL DEFAULT 0",
    "runs ADD COLUMN open_updates {bigint} NOT NULL DEFAULT 0",
    "runs ADD COLUMN held_messages {bigint} NOT NULL DEFAULT 0",
    "runs ADD COLUMN parent {text}",
    "runs ADD COLUMN archived_at {bigint}",
    "timers ADD COLUMN wait {text}",
)
_TABLES = (
    """CREATE TABLE children (
        "shard" {bigint} NOT NULL,
        "child_call_id" {text} NOT NULL,
        "run_id" {text} NOT NULL,
        "step" {bigint} NOT NULL,
        "barrier" {bigint} NOT NULL,
        "workflow_type" {text} NOT NULL,
        "task_queue" {text} NOT NULL,
        "status" {text} NOT NULL,
        "child_shard" {bigint} NOT NULL,
        "child_workflow_id" {text} NOT NULL,
        "child_run_id" {text} NOT NULL,
        "child_run_number" {bigint} NOT NULL,
        "parent_close_policy" {text} NOT NULL,
        "options" {text},
        "group" {text},
        "created_at" {bigint} NOT NULL,
        "closed_at" {bigint},
        "closing" {text},
        PRIMARY KEY ("shard", "child_call_id"))""",
    """CREATE TABLE signals (
        "shard" {bigint} NOT NULL,
        "signal_id" {text} NOT NULL,
        "run_id" {text} NOT NULL,
        "namespace" {text} NOT NULL,
        "workflow_id" {text} NOT NULL,
        "command_id" {text} NOT NULL,
        "command_sequence" {bigint} NOT NULL,
        "name" {text} NOT NULL,
        "codec" {text},
        "arguments" {text},
        "request_id" {text},
        "status" {text} NOT NULL,
        "recorded" {boolean} NOT NULL,
        "wait_id" {text},
        "step" {bigint},
        "command" {text},
        "received_at" {bigint} NOT NULL,
        "applied_at" {bigint},
        PRIMARY KEY ("shard", "signal_id"))""",
    """CREATE TABLE updates (
        "shard" {bigint} NOT NULL,
        "update_id" {text} NOT NULL,
        "run_id" {text} NOT NULL,
        "namespace" {text} NOT NULL,
        "workflow_id" {text} NOT NULL,
        "command_id" {text} NOT NULL,
        "command_sequence" {bigint} NOT NULL,
        "name" {text} NOT NULL,
        "codec" {text},
        "arguments" {text},
        "request_id" {text},
        "scope" {text} NOT NULL,
        "status" {text} NOT NULL,
        "recorded" {boolean} NOT NULL,
        "step" {bigint},
        "result_codec" {text},
        "result" {text},
        "failure" {text},
        "command" {text},
        "accepted_at" {bigint} NOT NULL,
        "closed_at" {bigint},
        PRIMARY KEY ("shard", "update_id"))""",
)
_INDEXES = (
    "CREATE INDEX children_open ON children (run_id, shard) WHERE status = 'started'",
    "CREATE INDEX children_by_barrier ON children (run_id, barrier, shard)",
    "CREATE INDEX signals_open ON signals (run_id, shard) WHERE status = 'received'",
    "CREATE INDEX updates_open ON updates (run_id, shard)"
    " WHERE status IN ('accepted', 'validating')",
    "CREATE UNIQUE INDEX signals_requested ON signals"
    " (workflow_id, request_id, namespace, shard) WHERE request_id IS NOT NULL",
    "CREATE UNIQUE INDEX updates_requested ON updates"
    " (workflow_id, request_id, namespace, shard) WHERE request_id IS NOT NULL",
)
_TYPES = {
    "postgresql": {"bigint": "BIGINT", "text": "TEXT", "boolean": "BOOLEAN"},
    "sqlite": {"bigint": "INTEGER", "text": "TEXT", "boolean": "INTEGER"},
}


def apply(kind: str, cursor: Any) -> None:
    """Add the columns, tables and indexes."""
    types = _TYPES[kind]
    for change in _COLUMNS:
        cursor.execute(f"ALTER TABLE {change.format(**types)}")
    for table in _TABLES:
        cursor.execute(table.format(**types))
    for index in _INDEXES:
        cursor.execute(index)
