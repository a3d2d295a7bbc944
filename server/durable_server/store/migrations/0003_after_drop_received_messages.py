"""Receivers know a repeated message by their own state, and requests are counted by run."""

from typing import Any


def apply(kind: str, cursor: Any) -> None:
    """Drop what no code reads."""
    cursor.execute("DROP TABLE received_messages")
    cursor.execute("ALTER TABLE workflows DROP COLUMN command_count")
