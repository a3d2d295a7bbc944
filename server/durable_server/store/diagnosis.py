"""What is stuck: tasks whose lease has run out, activities past a deadline, runs that nothing
would resume. Every look is bounded; where the bound was reached there may be more.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from peewee import SQL

from durable_server.engine.run_state import Activity, Run
from durable_server.store.models import Activity as ActivityRow
from durable_server.store.models import Run as RunRow
from durable_server.store.models import Task as TaskRow

# Rows that are due are few when all is well; more than this are not looked through for a namespace.
LOOK_MAX = 1_000
OPEN_RUNS_MAX = 2_000
_STUCK = """
WITH page AS (
    SELECT shard, run_id, started_at, task_id, open_activities, open_timers, open_children
    FROM runs WHERE namespace = {0} AND closed_at IS NULL AND (started_at, run_id) > ({0}, {0})
    ORDER BY started_at, run_id LIMIT {0})
SELECT p.shard, p.run_id, p.started_at,
    (p.task_id IS NULL AND p.open_activities + p.open_timers + p.open_children = 0)
    OR (p.task_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM tasks t WHERE t.shard = p.shard AND t.task_id = p.task_id
        AND t.status IN ('ready', 'leased')))
    OR (p.open_activities > 0 AND EXISTS (
        SELECT 1 FROM activities a WHERE a.run_id = p.run_id AND a.shard = p.shard
        AND a.status IN ('pending', 'running') AND NOT EXISTS (
            SELECT 1 FROM tasks t WHERE t.shard = a.shard AND t.task_id = a.task_id
            AND t.status IN ('ready', 'leased'))))
FROM page p ORDER BY p.started_at, p.run_id"""


class LostTask(NamedTuple):
    """A task whose lease has run out and that nobody has offered again."""

    shard: int
    task_id: str
    run_id: str
    workflow_id: str
    task_queue: str
    build_id: str | None
    kind: str
    created_at: int
    lease_expires_at: int


class Place(NamedTuple):
    """A place among the open runs of a namespace, in the order of their start."""

    started_at: int
    run_id: str


class Look(NamedTuple):
    """Runs that nothing would resume, and where the look ended; None: it saw all the others."""

    stuck: list[Run]
    ended_at: Place | None


class OverdueActivity(NamedTuple):
    """An activity past a deadline that is not enforced yet."""

    shard: int
    activity_execution_id: str
    run_id: str
    due_at: int


def lost_tasks(tx: Any, namespace: str, expired_by: int, limit: int) -> list[LostTask]:
    """Tasks whose lease ran out no later than that, those that did first first."""
    due = (
        TaskRow.select(*(getattr(TaskRow, name) for name in LostTask._fields), TaskRow.namespace)
        .where(SQL("status = 'leased'"), TaskRow.lease_expires_at <= expired_by)
        .order_by(TaskRow.lease_expires_at)
        .limit(LOOK_MAX)
        .tuples()
    )
    rows = [row for row in due.execute(tx.database) if row[-1] == namespace]
    return [LostTask(*row[:-1]) for row in rows[:limit]]


def stuck_runs(tx: Any, namespace: str, after: Place | None) -> Look:
    """Looks through the next open runs behind a place, or through the first ones."""
    start = after or Place(-1, "")
    sql = _STUCK.format(tx.database.param)
    rows = tx.database.execute_sql(sql, (namespace, *start, OPEN_RUNS_MAX)).fetchall()
    suspects = tx.fetch("runs_by_id", [(row[0], row[1]) for row in rows if row[3]])
    full = len(rows) == OPEN_RUNS_MAX
    return Look(
        sorted(filter(is_stuck, suspects), key=lambda run: (run.started_at, run.run_id)),
        Place(rows[-1][2], rows[-1][1]) if full else None,
    )


def is_stuck(run: Run) -> bool:
    """Whether a run without an open task is one that does not wait for anything else either."""
    waits = any(not wait.get("timed_out") for wait in run.waits)
    return run.task_id is not None or run.open_activities > 0 or not waits


def stuck_among(tx: Any, namespace: str, runs: Sequence[tuple[int, str]]) -> list[Run]:
    """Those of these runs, by (shard, run id), that are open and that nothing would resume."""
    found: list[Run] = []
    for run in tx.fetch("runs_by_id", list(runs)):
        if run.namespace != namespace or run.closed:
            continue
        # The look begins right before this run, so that it is the first one seen.
        before = Place(run.started_at, run.run_id[:-1])
        sql = _STUCK.format(tx.database.param)
        rows = tx.database.execute_sql(sql, (namespace, *before, 1)).fetchall()
        if rows and rows[0][1] == run.run_id and rows[0][3] and is_stuck(run):
            found.append(run)
    return found


def overdue_activities(tx: Any, namespace: str, now: int, limit: int) -> list[OverdueActivity]:
    """Activities past a deadline, those that were due first first."""
    same = (RunRow.shard == ActivityRow.shard) & (RunRow.run_id == ActivityRow.run_id)
    due = (
        ActivityRow.select(
            *(getattr(ActivityRow, name) for name in OverdueActivity._fields), RunRow.namespace
        )
        .join(RunRow, on=same)
        .where(ActivityRow.due_at.is_null(False), ActivityRow.due_at <= now)
        .order_by(ActivityRow.due_at)
        .limit(LOOK_MAX)
        .tuples()
    )
    rows = [row for row in due.execute(tx.database) if row[-1] == namespace]
    return [OverdueActivity(*row[:-1]) for row in rows[:limit]]


def overdue_runs(tx: Any, namespace: str, now: int, limit: int) -> list[Run]:
    """Open runs whose own deadline has passed, those that were due first first."""
    due = (
        RunRow.select(RunRow.shard, RunRow.run_id, RunRow.namespace)
        .where(RunRow.deadline_at.is_null(False), RunRow.deadline_at <= now)
        .order_by(RunRow.deadline_at)
        .limit(LOOK_MAX)
        .tuples()
    )
    keys = [row[:2] for row in due.execute(tx.database) if row[2] == namespace]
    found: list[Run] = tx.fetch("runs_by_id", keys[:limit])
    return found


def find_activities(
    tx: Any, namespace: str, keys: Sequence[tuple[int, str]]
) -> dict[str, Activity]:
    """These activities, where they are of the namespace, by id."""
    found = tx.fetch("activities_by_id", list(keys))
    runs = tx.fetch("runs_by_id", [(each.shard, each.run_id) for each in found])
    mine = {run.run_id for run in runs if run.namespace == namespace}
    return {each.activity_execution_id: each for each in found if each.run_id in mine}
