"""Removing runs whole: everything that belongs to them, within one transaction.

For retention and for namespaces that are deleted. What of a run is kept outside is released, so
that the pass over garbage removes it.
"""

from typing import Any, NamedTuple

from durable_server.store.models import Run, Workflow
from durable_server.store.payload_objects import release_payloads
from durable_server.store.rows_of import RUNS_AT_ONCE_MAX, of_runs, tables_of_runs

EVENTS_AT_ONCE_MAX = 5_000
EXTERNAL = "external_payloads"


class Removable(NamedTuple):
    """A run that may be removed; `last_sequence` tells how much belongs to it."""

    shard: int
    run_id: str
    namespace: str
    workflow_id: str
    last_sequence: int


FIELDS = [getattr(Run, name) for name in Removable._fields]


def within_bounds(runs: list[Removable]) -> list[Removable]:
    """The first of these runs, as many as one transaction may remove: at least one."""
    taken: list[Removable] = []
    events = 0
    for run in runs[:RUNS_AT_ONCE_MAX]:
        events += run.last_sequence
        if taken and events > EVENTS_AT_ONCE_MAX:
            break
        taken.append(run)
    return taken


def remove_runs(tx: Any, runs: list[Removable]) -> dict[str, int]:
    """Remove runs with all that belongs to them; rows removed by table, and `external_payloads`.

    The caller keeps to `within_bounds`, and holds the locks of the runs.
    """
    if not runs:
        return {}
    keys = [(run.shard, run.run_id) for run in runs]
    removed = {EXTERNAL: release_payloads(tx, keys)}
    for model in tables_of_runs():
        count = model.delete().where(of_runs(model, keys)).execute(tx.database)
        removed[model._meta.table_name] = count
    workflows = {(run.shard, run.namespace, run.workflow_id) for run in runs}
    ids = [run.run_id for run in runs]
    removed["workflows"] = sum(_settle_workflow(tx, each, ids) for each in sorted(workflows))
    return {name: count for name, count in removed.items() if count}


def _settle_workflow(tx: Any, key: tuple[int, str, str], removed: list[str]) -> int:
    """Remove a workflow without runs; one that has others stands for the newest of them."""
    shard, namespace, workflow_id = key
    left = Run.select(Run.run_id).where(
        Run.shard == shard, Run.namespace == namespace, Run.workflow_id == workflow_id
    )
    left = left.order_by(Run.run_number.desc()).limit(1).tuples()
    newest = next((row[0] for row in left.execute(tx.database)), None)
    mine = (Workflow.shard == shard) & (Workflow.namespace == namespace)
    mine &= (Workflow.workflow_id == workflow_id) & Workflow.current_run_id.in_(removed)
    if newest is None:
        count: int = Workflow.delete().where(mine).execute(tx.database)
        return count
    Workflow.update({Workflow.current_run_id: newest}).where(mine).execute(tx.database)
    return 0
