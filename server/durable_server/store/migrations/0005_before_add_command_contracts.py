"""What workflow types declare outlives the workers that said it."""

from typing import Any

_TABLE = """CREATE TABLE command_contracts (
    "namespace" TEXT NOT NULL,
    "workflow_type" TEXT NOT NULL,
    "contract" TEXT NOT NULL,
    "declared_at" {bigint} NOT NULL,
    PRIMARY KEY ("namespace", "workflow_type"))"""
_BIGINT = {"postgresql": "BIGINT", "sqlite": "INTEGER"}


def apply(kind: str, cursor: Any) -> None:
    """Create the table."""
    cursor.execute(_TABLE.format(bigint=_BIGINT[kind]))
