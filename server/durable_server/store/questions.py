"""The questions that lanes ask for a whole batch: by which keys, of which table, in what order."""

from typing import NamedTuple

from durable_server.store import columns
from durable_server.store.columns import Column, Table


class Question(NamedTuple):
    """Rows of a table that match keys; `k` names the keys, `t` the table in `where`.

    `lock`: the rows are locked, in their order, where a write transaction does not lock everything.
    """

    table: Table
    keys: tuple[Column, ...]
    where: str
    order: str = ""
    lock: bool = False


SHARD, RUN = Column("shard", "bigint"), Column("run_id", "text")
_SAME_RUN = "t.shard = k.shard AND t.run_id = k.run_id"


def _by_key(table: Table) -> Question:
    keys = tuple(column for column in table.columns if column.name in table.key)
    where = " AND ".join(f'k."{name}" = t."{name}"' for name in table.key)
    return Question(table, keys, where)


def _of_runs(table: Table, condition: str) -> Question:
    return Question(table, (SHARD, RUN), f"{_SAME_RUN} AND {condition}")


def _of_barriers(table: Table) -> Question:
    keys = (SHARD, RUN, Column("barrier", "bigint"))
    return Question(table, keys, f"{_SAME_RUN} AND t.barrier = k.barrier")


def _by_request(table: Table) -> Question:
    names = ("namespace", "workflow_id", "request_id")
    keys = (SHARD, *(Column(name, "text") for name in names))
    where = " AND ".join(f"t.{each.name} = k.{each.name}" for each in keys)
    return Question(table, keys, where)


QUESTIONS = {
    "workflows_by_id": _by_key(columns.WORKFLOWS),
    "runs_by_id": _by_key(columns.RUNS),
    "tasks_by_id": _by_key(columns.TASKS),
    "activities_by_id": _by_key(columns.ACTIVITIES),
    "timers_by_id": _by_key(columns.TIMERS),
    "children_by_id": _by_key(columns.CHILDREN),
    "updates_by_id": _by_key(columns.UPDATES),
    "details_of_runs": _by_key(columns.RUN_DETAILS),
    "events_at": _by_key(columns.EVENTS),
    "open_tasks_of_runs": _of_runs(columns.TASKS, "t.status IN ('ready', 'leased')"),
    "open_activities_of_runs": _of_runs(columns.ACTIVITIES, "t.status IN ('pending', 'running')"),
    "open_timers_of_runs": _of_runs(columns.TIMERS, "t.status = 'pending'"),
    "open_children_of_runs": _of_runs(columns.CHILDREN, "t.status = 'started'"),
    "open_signals_of_runs": _of_runs(columns.SIGNALS, "t.status = 'received'"),
    "open_updates_of_runs": _of_runs(columns.UPDATES, "t.status IN ('accepted', 'validating')"),
    "signals_by_request": _by_request(columns.SIGNALS),
    "updates_by_request": _by_request(columns.UPDATES),
    "children_of_barriers": _of_barriers(columns.CHILDREN),
    "activities_of_barriers": _of_barriers(columns.ACTIVITIES),
    "timers_of_barriers": _of_barriers(columns.TIMERS),
    "events_of_runs": Question(
        columns.EVENTS,
        (SHARD, RUN, Column("after", "bigint"), Column("upto", "bigint")),
        f'{_SAME_RUN} AND t.sequence > k."after" AND t.sequence <= k."upto"',
        "t.shard, t.run_id, t.sequence",
    ),
    "leased_to": Question(
        columns.TASKS,
        (
            Column("namespace", "text"),
            Column("lease_owner", "text"),
            Column("poll_request_id", "text"),
        ),
        "t.namespace = k.namespace AND t.lease_owner = k.lease_owner"
        " AND t.poll_request_id = k.poll_request_id AND t.status = 'leased'",
    ),
    "query_tasks_by_id": _by_key(columns.QUERY_TASKS),
    "query_tasks_to_change": _by_key(columns.QUERY_TASKS)._replace(
        order="t.shard, t.query_task_id", lock=True
    ),
    "query_tasks_leased_to": Question(
        columns.QUERY_TASKS,
        (
            Column("namespace", "text"),
            Column("task_queue", "text"),
            Column("lease_owner", "text"),
            Column("poll_request_id", "text"),
        ),
        "t.namespace = k.namespace AND t.task_queue = k.task_queue"
        " AND t.status IN ('ready', 'leased') AND t.status = 'leased'"
        " AND t.lease_owner = k.lease_owner AND t.poll_request_id = k.poll_request_id",
    ),
}


def listed(table: Table, alias: str = "t") -> str:
    """The columns of a table in row order."""
    return ", ".join(f'{alias}."{name}"' for name in table.names)
