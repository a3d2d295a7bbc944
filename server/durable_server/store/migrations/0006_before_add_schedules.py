"""Schedules, what happened to each, and the attributes that they are found by."""

from typing import Any

_SCHEDULES = """CREATE TABLE schedules (
    "shard" {bigint} NOT NULL,
    "namespace" {text} NOT NULL,
    "schedule_id" {text} NOT NULL,
    "uid" {text} NOT NULL,
    "status" {text} NOT NULL,
    "workflow_type" {text} NOT NULL,
    "task_queue" {text},
    "spec" {text} NOT NULL,
    "action" {text} NOT NULL,
    "overlap_policy" {text} NOT NULL,
    "jitter_seconds" {bigint} NOT NULL,
    "catch_up_window_seconds" {bigint},
    "max_runs" {bigint},
    "remaining_actions" {bigint},
    "memo" {text},
    "search_attributes" {text},
    "note" {text},
    "occurrence_at" {bigint},
    "due_at" {bigint},
    "last_fired_at" {bigint},
    "paused_at" {bigint},
    "deleted_at" {bigint},
    "last_skip_reason" {text},
    "last_skipped_at" {bigint},
    "fires_count" {bigint} NOT NULL,
    "failures_count" {bigint} NOT NULL,
    "skipped_count" {bigint} NOT NULL,
    "latest_workflow_id" {text},
    "latest_open" {boolean} NOT NULL,
    "recent" {text} NOT NULL,
    "buffer" {text} NOT NULL,
    "last_sequence" {bigint} NOT NULL,
    "created_at" {bigint} NOT NULL,
    "updated_at" {bigint} NOT NULL,
    PRIMARY KEY ("shard", "namespace", "schedule_id"))"""
_EVENTS = """CREATE TABLE schedule_events (
    "shard" {bigint} NOT NULL,
    "namespace" {text} NOT NULL,
    "schedule_id" {text} NOT NULL,
    "sequence" {bigint} NOT NULL,
    "event_id" {text} NOT NULL,
    "event_type" {text} NOT NULL,
    "payload" {text} NOT NULL,
    "workflow_id" {text},
    "run_id" {text},
    "recorded_at" {bigint} NOT NULL,
    PRIMARY KEY ("shard", "namespace", "schedule_id", "sequence"))"""
_ATTRIBUTES = """CREATE TABLE schedule_attributes (
    "shard" {bigint} NOT NULL,
    "namespace" {text} NOT NULL,
    "schedule_id" {text} NOT NULL,
    "name" {text} NOT NULL,
    "value" {text} NOT NULL,
    PRIMARY KEY ("shard", "namespace", "schedule_id", "name", "value"))"""
_INDEXES = (
    "CREATE INDEX schedules_due ON schedules (due_at)"
    " WHERE due_at IS NOT NULL AND status <> 'paused'",
    "CREATE INDEX schedules_listed ON schedules (namespace, created_at DESC, schedule_id)"
    " WHERE status <> 'deleted'",
)
_TYPES = {
    "postgresql": {"bigint": "BIGINT", "text": "TEXT", "boolean": "BOOLEAN"},
    "sqlite": {"bigint": "INTEGER", "text": "TEXT", "boolean": "INTEGER"},
}


def apply(kind: str, cursor: Any) -> None:
    """Create the tables and the indexes."""
    for table in (_SCHEDULES, _EVENTS, _ATTRIBUTES):
        cursor.execute(table.format(**_TYPES[kind]))
    for index in _INDEXES:
        cursor.execute(index)
