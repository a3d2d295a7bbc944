"""The tables of a diagnosis: tasks, activities, timers, children, requests, pollers, failures."""

from typing import Any

from rich.table import Table

from durable_cli.cells import NOTHING, ago, status
from durable_cli.table import Column, listed

Body = dict[str, Any]
_ROOM = 10_000
_TASKS = [
    Column("TASK", "task_id"),
    Column("STATE", lambda task: status(task.get("transport_state") or task.get("status"))),
    Column("ATTEMPTS", "attempt_count", right=True),
    Column("AVAILABLE", lambda task: ago(task.get("available_at"))),
    Column("HELD BY", "lease_owner"),
    Column("LEASE ENDS", lambda task: ago(task.get("lease_expires_at"))),
    Column("LAST ERROR", "last_error"),
]
_ACTIVITIES = [
    Column("ACTIVITY", "activity_type"),
    Column("STATUS", lambda each: status(each.get("status"))),
    Column("ATTEMPT", "attempt_count", right=True),
    Column("QUEUE", "queue"),
    Column("HELD BY", lambda each: (each.get("current_attempt") or {}).get("lease_owner")),
    Column("STARTED", lambda each: ago(each.get("started_at"))),
    Column("HEARTBEAT", lambda each: ago(each.get("last_heartbeat_at"))),
]
_FAILURES = [
    Column("WHEN", lambda each: ago(each.get("created_at"))),
    Column("WHERE", "source_kind"),
    Column("CATEGORY", "failure_category"),
    Column("MESSAGE", "message"),
]
_POLLERS = [
    Column("WORKER", "worker_id"),
    Column("STATUS", lambda each: status(each.get("status"))),
    Column("RUNTIME", "runtime"),
    Column("BUILD", "build_id"),
    Column("SEEN", lambda each: ago(each.get("last_heartbeat_at"))),
]
_NAMED = (
    ("Workflow tasks", "pending_workflow_tasks", _TASKS),
    ("Activities", "pending_activities", _ACTIVITIES),
)
# What is open besides; the members that these have differ, and their own names say it.
_PLAIN = (
    ("Timers", "pending_timers", ("timer_id", "kind", "timer_kind", "fire_at")),
    ("Children", "pending_children", ("workflow_id", "workflow_type", "status", "run_id")),
    ("Signals", "pending_signals", ("signal_name", "name", "received_at")),
    ("Updates", "pending_updates", ("update_name", "name", "status", "accepted_at")),
    ("Waits", "open_waits", ("kind", "wait_kind", "condition_key", "signal_name", "deadline_at")),
)


def of(body: Body) -> list[tuple[str, Any]]:
    """The tables that hold something, with their titles."""
    found: list[tuple[str, Any]] = []
    for title, member, columns in _NAMED:
        found.append((title, _table(body.get(member), columns)))
    for title, member, names in _PLAIN:
        columns = [
            Column(name.replace("_", " ").upper(), name)
            for name in names
            if any(name in each for each in body.get(member) or [])
        ]
        found.append((title, _table(body.get(member), columns)))
    pollers = (body.get("task_queue") or {}).get("pollers")
    found.append(("Pollers of its task queue", _table(pollers, _POLLERS)))
    found.append(("Recent failures", _table(body.get("recent_failures"), _FAILURES)))
    return found


def _table(items: Any, columns: list[Column]) -> Table | None:
    filled = [
        column
        for column in columns
        if any(str(column.of(item)) not in ("", NOTHING) for item in items or [])
    ]
    return listed(items, filled, _ROOM) if items and filled else None
