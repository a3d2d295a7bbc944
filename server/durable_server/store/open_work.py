"""What of a run is open, the first of each kind: for people who look into it."""

from typing import Any, NamedTuple

from peewee import SQL

from durable_server.engine.liveness import OpenWork
from durable_server.engine.run_state import Activity, Child, Run, Signal, Task, Timer, Update
from durable_server.store import columns, models
from durable_server.store.columns import Table


class OpenRows(NamedTuple):
    """The open rows of a run, in the order in which they came to be; timers as they fire.

    `tasks` holds the open tasks of the run and those of its open activities.
    """

    tasks: list[Task]
    activities: list[Activity]
    timers: list[Timer]
    children: list[Child]
    signals: list[Signal]
    updates: list[Update]


def list_open(tx: Any, shard: int, run_id: str, limit: int) -> OpenRows:
    """At most `limit` open rows of each kind."""
    run = (tx, shard, run_id)
    activities = _rows(run, columns.ACTIVITIES, models.Activity, limit)
    tasks = _rows(run, columns.TASKS, models.Task, limit)
    held = [(shard, each.task_id) for each in activities if each.task_id is not None]
    return OpenRows(
        [*tasks, *tx.fetch("tasks_by_id", held)] if held else tasks,
        activities,
        _rows(run, columns.TIMERS, models.Timer, limit),
        _rows(run, columns.CHILDREN, models.Child, limit),
        _rows(run, columns.SIGNALS, models.Signal, limit),
        _rows(run, columns.UPDATES, models.Update, limit),
    )


def first_open(tx: Any, run: Run) -> OpenWork:
    """The first open activity and child of a run and its workflow task, where its row has any."""
    key = (tx, run.shard, run.run_id)
    activities = _rows(key, columns.ACTIVITIES, models.Activity, 1) if run.open_activities else []
    children = _rows(key, columns.CHILDREN, models.Child, 1) if run.open_children else []
    tasks = tx.fetch("tasks_by_id", [(run.shard, run.task_id)]) if run.task_id else []
    return OpenWork(*(next(iter(rows), None) for rows in (activities, children, tasks)))


class _Kind(NamedTuple):
    """What is open of a kind, as literally as partial indexes say it; and in what order."""

    condition: str
    order: str


_KINDS = {
    "tasks": _Kind("status IN ('ready', 'leased') AND kind = 'workflow'", "created_at"),
    "activities": _Kind("status IN ('pending', 'running')", "step"),
    "timers": _Kind("status = 'pending'", "fire_at"),
    "children": _Kind("status = 'started'", "step"),
    "signals": _Kind("status = 'received'", "command_sequence"),
    "updates": _Kind("status IN ('accepted', 'validating')", "command_sequence"),
}


def _rows(run: tuple[Any, int, str], table: Table, model: Any, limit: int) -> list[Any]:
    tx, shard, run_id = run
    kind = _KINDS[table.name]
    fields = [getattr(model, name) for name in table.names]
    mine = (model.run_id == run_id) & (model.shard == shard)
    query = model.select(*fields).where(mine, SQL(kind.condition))
    query = query.order_by(getattr(model, kind.order)).limit(limit).tuples()
    return [table.to_value(row) for row in query.execute(tx.database)]
