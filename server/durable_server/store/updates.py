"""Updates as the clients that wait for them ask, and as the workers that judge them."""

from typing import Any, NamedTuple

from durable_server.engine.run_state import Event, Run, RunDetails, Task, Update
from durable_server.store import history as histories
from durable_server.store import runs as stored_runs


class Judgement(NamedTuple):
    """What it takes to judge an update: its run as it stands, with the whole history."""

    task: Task
    update: Update
    run: Run
    details: RunDetails
    events: list[Event]


def find_update(tx: Any, shard: int, update_id: str) -> Update | None:
    """An update as it stands."""
    found: list[Update] = tx.fetch("updates_by_id", [(shard, update_id)])
    return found[0] if found else None


def find_judgement(tx: Any, task: Task) -> Judgement | None:
    """What the worker that holds this task needs; the task has the id of its update."""
    update = find_update(tx, task.shard, task.task_id)
    found = stored_runs.find_run(tx, task.namespace, task.workflow_id, task.run_id)
    if update is None or found is None:
        return None
    run, details = found
    events = histories.list_events(tx, run.shard, run.run_id, 0, run.last_sequence)
    return Judgement(task, update, run, details, events)
