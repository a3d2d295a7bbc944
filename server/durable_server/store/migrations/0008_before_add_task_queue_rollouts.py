"""What operators say of builds, and how many tasks a limited queue has handed out this minute."""

from typing import Any

_TABLES = (
    """CREATE TABLE build_rollouts (
    "namespace" TEXT NOT NULL,
    "task_queue" TEXT NOT NULL,
    "build_id" TEXT NOT NULL,
    "drained_at" {bigint},
    "promoted_at" {bigint},
    PRIMARY KEY ("namespace", "task_queue", "build_id"))""",
    """CREATE TABLE dispatch_counters (
    "namespace" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "scope" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "minute" {bigint} NOT NULL,
    "dispatches" {bigint} NOT NULL,
    PRIMARY KEY ("namespace", "kind", "scope", "name"))""",
)
_BIGINT = {"postgresql": "BIGINT", "sqlite": "INTEGER"}


def apply(kind: str, cursor: Any) -> None:
    """Create both tables."""
    for table in _TABLES:
        cursor.execute(table.format(bigint=_BIGINT[kind]))
