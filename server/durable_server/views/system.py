"""What operators are told of work that got stuck, of closed runs that may go, and what to do."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from durable_server.clock import to_micro_text
from durable_server.engine.run_state import Run

LOST_AFTER_SECONDS = 3
POLICY = {
    "redispatch_after_seconds": LOST_AFTER_SECONDS,
    "loop_throttle_seconds": 5,
    "scan_limit": 25,
    "scan_strategy": "scope_fair_round_robin",
    "failure_backoff_max_seconds": 60,
    "failure_backoff_strategy": "exponential_by_repair_count",
}
SCAN_LIMIT = 25
REPAIR = "Send POST /api/system/repair/pass; see to it that a server or `maintain` runs the passes."
AGAIN = "Ask again; what fails twice is told in the server's log."
ENFORCE = (
    "Send POST /api/system/activity-timeouts/pass; see to it that a server or `maintain` runs the"
    " passes, which does this by itself."
)
PRUNE = (
    "Send POST /api/system/retention/pass until nothing is left; see to it that a server or"
    " `maintain` runs the passes, which does this by itself."
)
FAILING = (
    "Look at GET /api/workflows/{workflow_id}/debug of a run of the first type for the failure, and"
    " deploy workflow code that can carry its task out."
)
REMEDIES = {
    "run_not_found": "Check the id, and that X-Namespace names the namespace of the run.",
    "run_not_terminal": "Wait until the run has closed, or cancel or terminate it.",
    "run_archived": "An archived run is kept on purpose; it cannot be removed.",
    "run_already_pruned": "Nothing; what belonged to the run is gone.",
    "messages_undelivered": "Wait: the run has still something to tell another; then ask again.",
    "run_busy": "Another server is at work on the run; ask again.",
    "execution_not_found": "Check the id, and that X-Namespace names its namespace.",
    "activity_not_open": "Nothing; the activity has ended.",
    "deadline_not_passed": "Wait: no deadline of the activity has passed.",
}
_KINDS = {
    "activity_executions_deleted": "activities",
    "child_calls_deleted": "children",
    "history_events_deleted": "events",
    "messages_deleted": "messages",
    "run_summary_deleted": "run_details",
    "search_attributes_deleted": "run_attributes",
    "signals_deleted": "signals",
    "tasks_deleted": "tasks",
    "timers_deleted": "timers",
    "updates_deleted": "updates",
}
_NOT_KEPT_APART = (
    *("activity_attempts_deleted", "commands_deleted", "failures_deleted", "links_deleted"),
    *("memos_deleted", "run_deleted", "run_lineage_entries_deleted", "run_timer_entries_deleted"),
    *("run_waits_deleted", "timeline_entries_deleted"),
)


class Candidate(NamedTuple):
    """Something to repair: where it stands, and since when it is there."""

    queue: str
    build_id: str | None
    lost_task: bool
    since: int


def candidates_of(tasks: Iterable[Any], runs: Iterable[Run]) -> list[Candidate]:
    """Lost tasks and stuck runs as candidates."""
    lost = [Candidate(each.task_queue, each.build_id, True, each.created_at) for each in tasks]
    return lost + [Candidate(run.task_queue, run.build_id, False, run.started_at) for run in runs]


def candidates(found: Sequence[Candidate], more: tuple[bool, bool], now: int) -> dict[str, Any]:
    """What a pass would find; `more`: whether there may be further tasks, and runs."""
    scopes = sorted({(each.queue, each.build_id or "") for each in found})
    return {
        **_figures(found, now),
        "scan_limit": SCAN_LIMIT,
        "scan_strategy": POLICY["scan_strategy"],
        "existing_task_scan_limit_reached": more[0],
        "missing_task_scan_limit_reached": more[1],
        "scan_pressure": any(more),
        "scopes": [_scope(found, queue, build_id or None, now) for queue, build_id in scopes],
    }


def _scope(
    found: Sequence[Candidate], queue: str, build_id: str | None, now: int
) -> dict[str, Any]:
    mine = [each for each in found if (each.queue, each.build_id or None) == (queue, build_id)]
    return {
        "scope_key": f"default:{queue}:{build_id or 'any'}",
        "connection": None,
        "queue": queue,
        "compatibility": build_id,
        **_figures(mine, now),
        "scan_limited_by_global_policy": len(mine) > SCAN_LIMIT,
    }


def _figures(found: Sequence[Candidate], now: int) -> dict[str, Any]:
    tasks = [each.since for each in found if each.lost_task]
    runs = [each.since for each in found if not each.lost_task]
    taken = [min(len(each), SCAN_LIMIT) for each in (tasks, runs)]
    return {
        "existing_task_candidates": len(tasks),
        "missing_task_candidates": len(runs),
        "total_candidates": len(found),
        "selected_existing_task_candidates": taken[0],
        "selected_missing_task_candidates": taken[1],
        "selected_total_candidates": sum(taken),
        "oldest_task_candidate_created_at": micro(min(tasks, default=None)),
        "oldest_missing_run_started_at": micro(min(runs, default=None)),
        "max_task_candidate_age_ms": age_ms(min(tasks, default=None), now),
        "max_missing_run_age_ms": age_ms(min(runs, default=None), now),
    }


def skipped(name: str, given: str, reason: str) -> dict[str, Any]:
    """A row of a pass that was left alone, why, and what to do about it."""
    return {name: given, "outcome": "skipped", "reason": reason, "remedy": REMEDIES[reason]}


def pruned(run_id: str, deleted: dict[str, int], external_payloads: int) -> dict[str, Any]:
    """A run that retention has removed."""
    counts = {kind: deleted.get(table, 0) for kind, table in _KINDS.items()}
    return {
        "run_id": run_id,
        "outcome": "pruned",
        "history_events_deleted": counts["history_events_deleted"],
        "tasks_deleted": counts["tasks_deleted"],
        "external_payloads_deleted": external_payloads,
        "deleted": {**counts, **dict.fromkeys(_NOT_KEPT_APART, 0)},
    }


def micro(instant: int | None) -> str | None:
    """An instant as the wire writes it, or None."""
    return None if instant is None else to_micro_text(instant)


def age_ms(since: int | None, now: int) -> int:
    """How long ago something was, in milliseconds; 0 for nothing."""
    return 0 if since is None else max(0, (now - since) // 1000)
