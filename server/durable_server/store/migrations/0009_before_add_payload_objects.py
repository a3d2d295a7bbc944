"""Payloads kept outside, namespaces on their way out, and runs imported for reading."""

from typing import Any

_TABLES = (
    """CREATE TABLE payload_roots (
    "namespace" {text} NOT NULL,
    "root" {text} NOT NULL,
    "policy" {text} NOT NULL,
    "known_at" {bigint} NOT NULL,
    PRIMARY KEY ("namespace", "root"))""",
    """CREATE TABLE payload_holders (
    "shard" {bigint} NOT NULL,
    "run_id" {text} NOT NULL,
    "uri" {text} NOT NULL,
    "namespace" {text} NOT NULL,
    PRIMARY KEY ("shard", "run_id", "uri"))""",
    """CREATE TABLE payload_garbage (
    "namespace" {text} NOT NULL,
    "uri" {text} NOT NULL,
    "due_at" {bigint} NOT NULL,
    PRIMARY KEY ("namespace", "uri"))""",
    """CREATE TABLE namespace_purges (
    "namespace" {text} NOT NULL,
    "deleted" {text} NOT NULL,
    "started_at" {bigint} NOT NULL,
    "swept_at" {bigint},
    PRIMARY KEY ("namespace"))""",
    """CREATE TABLE imported_runs (
    "shard" {bigint} NOT NULL,
    "run_id" {text} NOT NULL,
    "namespace" {text} NOT NULL,
    "workflow_id" {text} NOT NULL,
    "checksum" {text} NOT NULL,
    "document" {text} NOT NULL,
    "imported_at" {bigint} NOT NULL,
    PRIMARY KEY ("shard", "run_id"))""",
)
_INDEXES = (
    "CREATE INDEX payload_holders_by_uri ON payload_holders (uri)",
    "CREATE INDEX payload_garbage_due ON payload_garbage (due_at)",
    "CREATE INDEX imported_runs_by_namespace ON imported_runs (namespace)",
)
_TYPES = {
    "postgresql": {"bigint": "BIGINT", "text": "TEXT"},
    "sqlite": {"bigint": "INTEGER", "text": "TEXT"},
}


def apply(kind: str, cursor: Any) -> None:
    """Create the tables and the indexes."""
    for table in _TABLES:
        cursor.execute(table.format(**_TYPES[kind]))
    for index in _INDEXES:
        cursor.execute(index)
