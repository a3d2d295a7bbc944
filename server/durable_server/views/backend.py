"""What the server is built on, and the bounds of one run, as operators are told."""

from typing import Any

from durable_server.clock import to_micro_text
from durable_server.engine.limits import Limits

_WORDS = {
    "engine_source_modes": {"v2": "The only engine there is."},
    "surfaces": {
        "claim": "A task is leased in the transaction that finds it ready.",
        "dispatch": "Workers poll; a parked poll is handed a task with the commit that makes it.",
        "health": "GET /api/health and GET /api/ready tell whether the server can work.",
        "stats": "These figures are read from the runs themselves.",
    },
    "backend_capabilities": {
        "database": "SQLite or PostgreSQL, with transactions that last.",
        "queue": "Tasks are rows of the database.",
        "cache": "None is needed.",
        "codec": "Payloads pass through as they are; plain JSON is written as Avro.",
    },
    "effective_states": {
        "dispatch": "Goes on while the database answers.",
        "claim": "Goes on while the database answers.",
    },
}
_FIXED: dict[str, Any] = {
    "queue": {
        "connection": "database",
        "driver": "database",
        "supported": True,
        "capabilities": {
            "async_delivery": True,
            "delayed_delivery": True,
            "requires_worker": False,
            "max_delay_seconds": None,
            "after_commit_option": True,
        },
        "issues": [],
    },
    "cache": {
        "store": "none",
        "driver": "none",
        "supported": True,
        "capabilities": {"atomic_locks": False},
        "issues": [],
    },
    "codec": {
        "configured": "avro",
        "configured_canonical": "avro",
        "canonical": "avro",
        "universal": True,
        "configured_universal": True,
        "supported": True,
        "issues": [],
    },
}
_SQLITE_NOTE = {
    "component": "structural_limits",
    "severity": "info",
    "code": "sqlite_concurrency_note",
    "message": "SQLite has one writer; for many workers use PostgreSQL.",
}


def backend(database: str, limits: Limits, now: int) -> dict[str, Any]:
    """The backend of this server; `database` is sqlite or postgresql."""
    sqlite = database == "sqlite"
    driver = "sqlite" if sqlite else "pgsql"
    issues = [_SQLITE_NOTE] if sqlite else []
    bounds = structural_limits(limits)
    return {
        "generated_at": to_micro_text(now),
        "readiness_contract": {"version": 1, "release_state": "v2_final_contract", **_WORDS},
        "supported": True,
        "database": {
            "connection": driver,
            "driver": driver,
            "supported": True,
            "capabilities": {
                "transactions": True,
                "after_commit_callbacks": True,
                "durable_ordering": True,
                "row_locks": not sqlite,
            },
            "issues": [],
        },
        **_FIXED,
        "structural_limits": {
            "configured": bounds,
            "backend_adjustments": {"concurrent_write_safety": "limited"} if sqlite else {},
            "effective": bounds,
            "issues": issues,
        },
        "severity": "info" if sqlite else "ok",
        "issues": issues,
    }


def structural_limits(limits: Limits) -> dict[str, int]:
    """The bounds of one run; 0 means that there is none."""
    return {
        "pending_activity_count": limits.pending_activities_max,
        "pending_child_count": limits.pending_children_max,
        "pending_timer_count": limits.pending_timers_max,
        "pending_signal_count": limits.pending_signals_max,
        "pending_update_count": limits.pending_updates_max,
        "command_batch_size": limits.commands_per_task_max,
        "payload_size_bytes": limits.payload_bytes_max,
        "memo_size_bytes": limits.memo_bytes_max,
        "search_attribute_size_bytes": limits.search_attribute_bytes_max,
        "history_transaction_size": limits.events_per_transaction_max,
        "warning_threshold_percent": limits.warning_percent,
    }
