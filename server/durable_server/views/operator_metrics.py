"""The figures of a namespace as operators and dashboards read them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from durable_server.clock import SECOND, to_micro_text
from durable_server.engine.limits import Limits
from durable_server.views.backend import backend, structural_limits
from durable_server.views.system import ENFORCE, FAILING, POLICY, REPAIR, age_ms, micro

TYPES_MAX = 20
TABLES = (
    *("run_summaries", "run_waits", "run_timeline_entries", "run_timer_entries"),
    "run_lineage_entries",
)
_TASK_LABELS = {
    "namespace": "request_scope_not_label",
    "workflow_type": {
        "cardinality_class": "bounded_series",
        "limit": TYPES_MAX,
        "selection": "top_by_max_consecutive_failures_then_name",
    },
}
_DRIFT_LABELS = {
    "namespace": "server_scope_no_label",
    "table": {
        "cardinality_class": "finite_projection_table_inventory",
        "values": list(TABLES),
        "selection": "fixed_projection_table_inventory",
    },
}
# Figures about copies of runs, which this server does not keep.
_PROJECTIONS = {
    "run_summaries": "runs summaries missing orphaned stale schema_outdated needs_rebuild"
    " oldest_updated_at newest_updated_at oldest_missing_run_started_at max_missing_run_age_ms",
    "run_waits": "runs rows projected_runs runs_with_waits projected_runs_with_waits"
    " missing_runs_with_waits summaries_with_open_waits projected_current_open_waits"
    " missing_current_open_waits stale_projected_runs orphaned needs_rebuild oldest_updated_at"
    " newest_updated_at",
    "run_timeline_entries": "runs history_events rows projected_runs runs_with_history"
    " projected_runs_with_history missing_runs_with_history missing_history_events"
    " stale_projected_runs orphaned needs_rebuild oldest_updated_at newest_updated_at",
    "run_timer_entries": "runs rows projected_runs runs_with_timers projected_runs_with_timers"
    " missing_runs_with_timers stale_projected_runs schema_version_mismatch_runs"
    " schema_version_mismatch_rows orphaned needs_rebuild oldest_updated_at newest_updated_at",
    "run_lineage_entries": "runs rows projected_runs runs_with_lineage projected_runs_with_lineage"
    " missing_runs_with_lineage stale_projected_runs orphaned needs_rebuild oldest_updated_at"
    " newest_updated_at",
}


class Measured(NamedTuple):
    """What was read of a namespace at one moment; see `store.figures` and `store.diagnosis`."""

    closed: dict[str, int]
    archived: dict[str, int]
    continued: int
    running: int
    open: Any
    ready: dict[str, Any]
    leased: dict[str, int]
    lost: Sequence[Any]
    activities: Any
    overdue: Sequence[Any]
    repair: dict[str, Any]
    schedules: Any
    workers: Sequence[Any]


class Around(NamedTuple):
    """What the figures are of: the namespace, the moment, the database and the server's bounds."""

    namespace: str
    now: int
    database: str
    limits: Limits
    silence_seconds: int
    update_wait_seconds: int


def metrics(namespace: str, failing: Sequence[Any], generated_at: str) -> dict[str, Any]:
    """The figures for dashboards; of failing types the worst TYPES_MAX are told."""
    told, left = failing[:TYPES_MAX], failing[TYPES_MAX:]
    return {
        "generated_at": generated_at,
        "namespace": namespace,
        "metrics": {
            "dw_workflow_task_consecutive_failures": {
                "max_consecutive_failures": max((each.failures_max for each in told), default=0),
                "failed_task_count": sum(each.tasks for each in failing),
                "workflow_type_count": len(failing),
                "workflow_type_limit": TYPES_MAX,
                "workflow_types_truncated": bool(left),
                "suppressed_workflow_type_count": len(left),
                "suppressed_failed_task_count": sum(each.tasks for each in left),
                "label_cardinality_policy": _TASK_LABELS,
                "by_workflow_type": [
                    {
                        "workflow_type": each.workflow_type,
                        "max_consecutive_failures": each.failures_max,
                        "failed_task_count": each.tasks,
                    }
                    for each in told
                ],
            },
            "dw_projection_drift_total": {
                "total": 0,
                "table_count": len(TABLES),
                "tables_with_drift": 0,
                "scope": "server",
                "label_cardinality_policy": _DRIFT_LABELS,
                "by_table": [{"table": name, "needs_rebuild": 0} for name in TABLES],
            },
        },
        "cardinality": {
            "metric_label_sets": {
                "dw_workflow_task_consecutive_failures": _TASK_LABELS,
                "dw_projection_drift_total": _DRIFT_LABELS,
            }
        },
        "remedy": FAILING if failing else None,
    }


def operator_metrics(measured: Measured, around: Around) -> dict[str, Any]:
    """Every documented figure; what this server does not have is zero."""
    now, tasks = around.now, _tasks(measured, around.now)
    activities = _activities(measured, now)
    shown = {
        "generated_at": to_micro_text(now),
        "runs": _runs(measured, now),
        "tasks": tasks,
        "activities": activities,
        "backlog": {
            "runnable_tasks": tasks["ready_due"],
            "delayed_tasks": tasks["delayed"],
            "leased_tasks": tasks["leased"],
            "retrying_activities": activities["retrying"],
            "unhealthy_tasks": tasks["unhealthy"],
            "repair_needed_runs": measured.repair["missing_task_candidates"],
            **_nothing("claim_failed_runs compatibility_blocked_runs"),
            **_nothing("oldest_compatibility_blocked_started_at max_compatibility_blocked_age_ms"),
        },
        "repair": measured.repair,
        "starts": _starts(measured, now),
        "history": _history(measured, around.limits),
        "command_contracts": _nothing(
            "backfill_needed_runs backfill_available_runs backfill_unavailable_runs"
        ),
        "projections": {name: _nothing(names) for name, names in _PROJECTIONS.items()},
        "schedules": _schedules(measured, now),
        "workers": _workers(measured, around.silence_seconds),
        "backend": backend(around.database, around.limits, now),
        "structural_limits": structural_limits(around.limits),
        "update_wait": {
            "completion_timeout_seconds": around.update_wait_seconds,
            "poll_interval_milliseconds": 0,
        },
        "repair_policy": POLICY,
        "matching_role": {
            "queue_wake_enabled": True,
            "shape": "in_worker",
            "task_dispatch_mode": "poll",
        },
    }
    return {
        "namespace": around.namespace,
        "operator_metrics": shown,
        "remedies": _remedies(measured, shown),
    }


def _nothing(names: str) -> dict[str, Any]:
    return {name: None if name.endswith("_at") else 0 for name in names.split()}


def _runs(measured: Measured, now: int) -> dict[str, Any]:
    statuses = ("completed", "failed", "cancelled", "terminated")
    ended = {
        name: measured.closed.get(name, 0) + measured.archived.get(name, 0) for name in statuses
    }
    total, repair = measured.running + sum(ended.values()), measured.repair
    return {
        "total": total,
        "current": total - measured.continued,
        "running": measured.running,
        **ended,
        "archived": sum(measured.archived.values()),
        "repair_needed": repair["missing_task_candidates"],
        "oldest_repair_needed_at": repair["oldest_missing_run_started_at"],
        "max_repair_needed_age_ms": repair["max_missing_run_age_ms"],
        "claim_failed": 0,
        "compatibility_blocked": 0,
        "waiting": measured.running,
        "oldest_wait_started_at": micro(measured.open.oldest_progress_at),
        "max_wait_age_ms": age_ms(measured.open.oldest_progress_at, now),
    }


def _tasks(measured: Measured, now: int) -> dict[str, Any]:
    ready = sum(each.tasks for each in measured.ready.values())
    due = sum(each.due for each in measured.ready.values())
    instants = [each.oldest_due_at for each in measured.ready.values()]
    oldest = min((each for each in instants if each is not None), default=None)
    leased = sum(measured.leased.values())
    expired_at = min((each.lease_expires_at for each in measured.lost), default=None)
    silent = {
        f"oldest_{name}_{'since' if name == 'dispatch_overdue' else 'at'}": None
        for name in ("dispatch_overdue", "claim_failed", "dispatch_failed")
    }
    return {
        "open": ready + leased,
        "ready": ready,
        "ready_due": due,
        "delayed": ready - due,
        "leased": leased,
        **_nothing("dispatch_failed claim_failed dispatch_overdue"),
        "lease_expired": len(measured.lost),
        "oldest_lease_expired_at": micro(expired_at),
        "max_lease_expired_age_ms": age_ms(expired_at, now),
        "oldest_ready_due_at": micro(oldest),
        "max_ready_due_age_ms": age_ms(oldest, now),
        **silent,
        **_nothing("max_dispatch_overdue_age_ms max_claim_failed_age_ms"),
        "max_dispatch_failed_age_ms": 0,
        "unhealthy": len(measured.lost),
        "oldest_unhealthy_at": micro(expired_at),
        "max_unhealthy_age_ms": age_ms(expired_at, now),
    }


def _activities(measured: Measured, now: int) -> dict[str, Any]:
    ready = measured.ready.get("activity")
    pending, running = (ready.tasks if ready else 0), measured.leased.get("activity", 0)
    overdue_at = min((each.due_at for each in measured.overdue), default=None)
    tried = measured.activities
    return {
        "open": pending + running,
        "pending": pending,
        "running": running,
        "retrying": tried.retrying,
        "oldest_retrying_started_at": micro(tried.oldest_retrying_at),
        "max_retrying_age_ms": age_ms(tried.oldest_retrying_at, now),
        "timeout_overdue": len(measured.overdue),
        "oldest_timeout_overdue_at": micro(overdue_at),
        "max_timeout_overdue_age_ms": age_ms(overdue_at, now),
        "failed_attempts": tried.failed_attempts,
        "max_attempt_count": tried.attempts_max,
    }


def _starts(measured: Measured, now: int) -> dict[str, Any]:
    runs = measured.open
    return {
        "pending_runs": runs.pending,
        "pending_commands": runs.pending,
        "ready_tasks": runs.pending_ready,
        "oldest_pending_start_at": micro(runs.oldest_pending_at),
        "max_pending_ms": age_ms(runs.oldest_pending_at, now),
    }


def _history(measured: Measured, limits: Limits) -> dict[str, Any]:
    runs = measured.open
    return {
        "continue_as_new_recommended_runs": runs.over_budget,
        "events": runs.events,
        "history_orphan_total": 0,
        "max_event_count": runs.events_max,
        "max_size_bytes": runs.bytes_max,
        "event_threshold": limits.history_events_hard,
        "size_bytes_threshold": limits.history_bytes_hard,
    }


def _schedules(measured: Measured, now: int) -> dict[str, Any]:
    known = measured.schedules
    return {
        "active": known.active,
        "paused": known.paused,
        "missed": known.missed,
        "oldest_overdue_at": micro(known.oldest_overdue_at),
        "max_overdue_ms": age_ms(known.oldest_overdue_at, now),
        "fires_total": known.fires,
        "failures_total": known.failures,
    }


def _workers(measured: Measured, silence_seconds: int) -> dict[str, Any]:
    workers = measured.workers
    return {
        "compatibility_namespace": None,
        "required_compatibility": None,
        "active_workers": len(workers),
        "active_worker_scopes": len({each.task_queue for each in workers}),
        "active_workers_supporting_required": len(workers),
        "fleet": [_worker(each, silence_seconds) for each in workers],
    }


def _worker(worker: Any, silence_seconds: int) -> dict[str, Any]:
    types = worker.supported_workflow_types
    return {
        "worker_id": worker.worker_id,
        "namespace": worker.namespace,
        "host": None,
        "process_id": None,
        "connection": None,
        "queue": worker.task_queue,
        "supported": [] if types is None else orjson.loads(types),
        "supports_required": True,
        "recorded_at": to_micro_text(worker.last_heartbeat_at),
        "expires_at": to_micro_text(worker.last_heartbeat_at + silence_seconds * SECOND),
        "source": "database",
    }


def _remedies(measured: Measured, shown: dict[str, Any]) -> list[str]:
    """What to do about what is not as it should be, the most pressing first."""
    found = []
    if measured.repair["total_candidates"]:
        found.append(REPAIR)
    if measured.overdue:
        found.append(ENFORCE)
    if shown["tasks"]["ready_due"] and not measured.workers:
        found.append("Tasks wait and no worker is there: start workers for their task queues.")
    if measured.schedules.missed:
        found.append("Schedules are behind: see to it that a server or `maintain` runs the passes.")
    if measured.open.over_budget:
        found.append("Histories are near their end: have these workflows continue as new.")
    return found
