"""Figures about what is stored, for operators. Each comes from one bounded look along an index.

Counts end at COUNT_MAX. What needs more than an index holds is taken from the first SCAN_MAX rows.
"""

from typing import Any, NamedTuple

COUNT_MAX = 100_000
SCAN_MAX = 10_000
_KEPT = "closed_at IS NOT NULL AND archived_at IS NULL AND pruned_at IS NULL"


class OpenRuns(NamedTuple):
    """Of the open runs that started first: how many, and what they are like."""

    scanned: int
    pending: int
    pending_ready: int
    oldest_pending_at: int | None
    oldest_progress_at: int | None
    events: int
    events_max: int
    bytes_max: int
    over_budget: int


class ReadyTasks(NamedTuple):
    """Ready tasks of a kind: all, those that may be taken now, and since when the oldest may."""

    tasks: int
    due: int
    oldest_due_at: int | None


class OpenActivities(NamedTuple):
    """Of the open activities: how many wait for another attempt, and how often they were tried."""

    retrying: int
    oldest_retrying_at: int | None
    failed_attempts: int
    attempts_max: int


class FailingType(NamedTuple):
    """Open workflow tasks of a type that failed last time."""

    workflow_type: str
    failures_max: int
    tasks: int


class Schedules(NamedTuple):
    """The schedules of a namespace: those that run, those that are behind, what all have done."""

    active: int
    paused: int
    missed: int
    oldest_overdue_at: int | None
    fires: int
    failures: int


class Outbox(NamedTuple):
    """What runs have to tell each other and has not been delivered."""

    messages: int
    oldest_at: int | None


def closed_runs(tx: Any, namespace: str) -> dict[str, int]:
    """Closed runs that are kept and not archived, by status."""
    return _by_name(
        tx,
        "SELECT status, count(*) FROM (SELECT status FROM runs WHERE namespace = ? AND"
        f" {_KEPT} LIMIT ?) k GROUP BY status",
        namespace,
        COUNT_MAX,
    )


def archived_runs(tx: Any, namespace: str) -> dict[str, int]:
    """Archived runs, by status."""
    return _by_name(
        tx,
        "SELECT status, count(*) FROM (SELECT status FROM runs WHERE namespace = ? AND"
        " archived_at IS NOT NULL LIMIT ?) k GROUP BY status",
        namespace,
        COUNT_MAX,
    )


def continued_runs(tx: Any, namespace: str) -> int:
    """Closed runs that are kept and that another run of their workflow has followed."""
    sql = (
        "SELECT count(*) FROM (SELECT workflow_id, run_number FROM runs WHERE namespace = ? AND"
        f" {_KEPT} LIMIT ?) k WHERE EXISTS (SELECT 1 FROM runs n WHERE n.namespace = ? AND"
        " n.workflow_id = k.workflow_id AND n.run_number = k.run_number + 1)"
    )
    count: int = _row(tx, sql, namespace, COUNT_MAX, namespace)[0]
    return count


def count_open_runs(tx: Any, namespace: str | None = None) -> int:
    """Open runs, of a namespace or of all."""
    mine = "" if namespace is None else "namespace = ? AND "
    sql = f"SELECT count(*) FROM (SELECT 1 FROM runs WHERE {mine}closed_at IS NULL LIMIT ?) k"
    count: int = _row(tx, sql, *([] if namespace is None else [namespace]), COUNT_MAX)[0]
    return count


def open_runs(tx: Any, namespace: str, events_hard: int, bytes_hard: int) -> OpenRuns:
    """What the open runs that started first are like; a budget of 0 is none."""
    pending = "status = 'pending'"
    full = "(? > 0 AND last_sequence >= ?) OR (? > 0 AND history_bytes >= ?)"
    sql = (
        f"SELECT count(*), coalesce(sum(CASE WHEN {pending} THEN 1 ELSE 0 END), 0),"
        f" coalesce(sum(CASE WHEN {pending} AND task_id IS NOT NULL AND NOT task_leased"
        " THEN 1 ELSE 0 END), 0),"
        f" min(CASE WHEN {pending} THEN started_at END), min(last_progress_at),"
        " coalesce(sum(last_sequence), 0), coalesce(max(last_sequence), 0),"
        f" coalesce(max(history_bytes), 0), coalesce(sum(CASE WHEN {full} THEN 1 ELSE 0 END), 0)"
        " FROM (SELECT * FROM runs WHERE namespace = ? AND closed_at IS NULL"
        " ORDER BY started_at LIMIT ?) k"
    )
    budgets = (events_hard, events_hard, bytes_hard, bytes_hard)
    return OpenRuns(*_whole(_row(tx, sql, *budgets, namespace, SCAN_MAX)))


def ready_tasks(tx: Any, namespace: str, now: int) -> dict[str, ReadyTasks]:
    """Ready tasks by kind."""
    sql = (
        "SELECT kind, count(*), sum(CASE WHEN available_at <= ? THEN 1 ELSE 0 END),"
        " min(CASE WHEN available_at <= ? THEN available_at END) FROM (SELECT kind, available_at"
        " FROM tasks WHERE status = 'ready' AND namespace = ? LIMIT ?) k GROUP BY kind"
    )
    rows = _rows(tx, sql, now, now, namespace, COUNT_MAX)
    return {kind: ReadyTasks(*_whole(values)) for kind, *values in rows}


def leased_tasks(tx: Any, namespace: str) -> dict[str, int]:
    """Leased tasks by kind."""
    return _by_name(
        tx,
        "SELECT kind, count(*) FROM (SELECT kind FROM tasks WHERE status = 'leased' AND"
        " namespace = ? LIMIT ?) k GROUP BY kind",
        namespace,
        COUNT_MAX,
    )


def open_activities(tx: Any, namespace: str) -> OpenActivities:
    """How often open activities were tried, told from their tasks."""
    part = (
        "SELECT * FROM (SELECT shard, activity_execution_id FROM tasks WHERE status = '{}' AND"
        " namespace = ? AND kind = 'activity' LIMIT ?) {}"
    )
    waiting = "a.status = 'pending' AND a.attempt > 0"
    before = "a.attempt - CASE WHEN a.status = 'running' THEN 1 ELSE 0 END"
    sql = (
        f"SELECT coalesce(sum(CASE WHEN {waiting} THEN 1 ELSE 0 END), 0),"
        f" min(CASE WHEN {waiting} THEN a.started_at END),"
        f" coalesce(sum({before}), 0), coalesce(max(a.attempt), 0)"
        f" FROM ({part.format('ready', 'r')} UNION ALL {part.format('leased', 'l')}) k"
        " JOIN activities a ON a.shard = k.shard"
        " AND a.activity_execution_id = k.activity_execution_id"
    )
    return OpenActivities(*_whole(_row(tx, sql, namespace, SCAN_MAX, namespace, SCAN_MAX)))


def failing_types(tx: Any, namespace: str) -> list[FailingType]:
    """Workflow types with a task that failed last time, the worst first, then by name."""
    sql = (
        "SELECT type_name, max(failure_count), count(*) FROM (SELECT type_name, failure_count"
        " FROM tasks WHERE namespace = ? AND failure_count > 0 AND status IN ('ready', 'leased')"
        " LIMIT ?) k GROUP BY type_name ORDER BY max(failure_count) DESC, type_name"
    )
    return [FailingType(*_whole(row)) for row in _rows(tx, sql, namespace, COUNT_MAX)]


def schedules(tx: Any, namespace: str, now: int) -> Schedules:
    """The schedules of a namespace; one is behind when its moment passed a minute ago."""
    late = "due_at IS NOT NULL AND status <> 'paused' AND due_at <= ?"
    sql = (
        "SELECT coalesce(sum(CASE WHEN status = 'active' THEN 1 ELSE 0 END), 0),"
        " coalesce(sum(CASE WHEN status = 'paused' THEN 1 ELSE 0 END), 0),"
        f" coalesce(sum(CASE WHEN {late} THEN 1 ELSE 0 END), 0),"
        f" min(CASE WHEN {late} THEN due_at END),"
        " coalesce(sum(fires_count), 0), coalesce(sum(failures_count), 0)"
        " FROM (SELECT * FROM schedules WHERE namespace = ? AND status <> 'deleted' LIMIT ?) k"
    )
    by = now - 60 * 1_000_000
    return Schedules(*_whole(_row(tx, sql, by, by, namespace, SCAN_MAX)))


def outbox(tx: Any) -> Outbox:
    """How much of all runs is undelivered, and since when the oldest is."""
    sql = "SELECT count(*) FROM (SELECT 1 FROM messages LIMIT ?) k"
    oldest = _rows(tx, "SELECT due_at FROM messages ORDER BY due_at LIMIT ?", 1)
    return Outbox(_row(tx, sql, COUNT_MAX)[0], next((row[0] for row in oldest), None))


def _rows(tx: Any, sql: str, *values: Any) -> list[Any]:
    query = sql.replace("?", tx.database.param)
    return list(tx.database.execute_sql(query, values).fetchall())


def _row(tx: Any, sql: str, *values: Any) -> Any:
    return _rows(tx, sql, *values)[0]


def _by_name(tx: Any, sql: str, *values: Any) -> dict[str, int]:
    return {name: int(count) for name, count in _rows(tx, sql, *values)}


def _whole(values: Any) -> list[Any]:
    """PostgreSQL sums integers into decimals."""
    return [each if each is None or isinstance(each, str) else int(each) for each in values]
