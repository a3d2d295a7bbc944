"""Workflows and runs as clients ask for them, and runs whose deadline has passed."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from durable_server.engine.run_state import Payload, Run, RunDetails, Workflow
from durable_server.ids import shard_of
from durable_server.store import columns
from durable_server.store.due import Due, due, earliest
from durable_server.store.models import Run as Row
from durable_server.store.models import RunDetails as DetailsRow

RUNS_MAX = 1000
_FIELDS = [getattr(Row, name) for name in columns.RUNS.names]
_BUCKETS = {
    "running": ("pending", "waiting"),
    "completed": ("completed",),
    "failed": ("failed", "cancelled", "terminated", "timed_out"),
}


@dataclass(frozen=True)
class RunFilter:
    """Which runs of a namespace to list. `text`: part of a workflow id, type or business key."""

    namespace: str
    workflow_type: str | None = None
    bucket: str | None = None
    task_queue: str | None = None
    text: str | None = None
    started_after: int | None = None
    started_before: int | None = None


class ListedRun(NamedTuple):
    """A run with what lists show of its details (JSON texts)."""

    run: Run
    memo: str | None
    search_attributes: str | None


def find_current_run(
    tx: Any, namespace: str, workflow_id: str
) -> tuple[Workflow, Run, RunDetails] | None:
    """The workflow of this id, its newest run and that run's details."""
    shard = shard_of(namespace, workflow_id)
    found = tx.fetch("workflows_by_id", [(shard, namespace, workflow_id)])
    if not found:
        return None
    run = find_run(tx, namespace, workflow_id, found[0].current_run_id)
    return None if run is None else (found[0], *run)


def find_run(
    tx: Any, namespace: str, workflow_id: str, run_id: str
) -> tuple[Run, RunDetails] | None:
    """A run of this workflow and its details."""
    key = (shard_of(namespace, workflow_id), run_id)
    runs = tx.fetch("runs_by_id", [key])
    if not runs or (runs[0].namespace, runs[0].workflow_id) != (namespace, workflow_id):
        return None
    details = tx.fetch("details_of_runs", [key])
    return runs[0], (details[0] if details else _removed_details(runs[0]))


def _removed_details(run: Run) -> RunDetails:
    """What is left of a run's details once retention has removed them: nothing."""
    return RunDetails(run.shard, run.run_id, Payload(run.codec_name, ""), None, None, None)


def list_runs_of_workflow(tx: Any, namespace: str, workflow_id: str) -> list[Run]:
    """The runs of a workflow by number, up to RUNS_MAX."""
    mine = (Row.shard == shard_of(namespace, workflow_id)) & (Row.namespace == namespace)
    query = Row.select(*_FIELDS).where(mine, Row.workflow_id == workflow_id)
    query = query.order_by(Row.run_number).limit(RUNS_MAX).tuples()
    return [columns.run_of_row(row) for row in query.execute(tx.database)]


def list_runs(
    tx: Any, wanted: RunFilter, cursor: tuple[int, str] | None, page_size: int
) -> list[ListedRun]:
    """Newest start first; `cursor` is (started_at, run_id) of the last run seen."""
    same = (DetailsRow.shard == Row.shard) & (DetailsRow.run_id == Row.run_id)
    query = (
        Row.select(*_FIELDS, DetailsRow.memo, DetailsRow.search_attributes)
        .join(DetailsRow, on=same)
        .where(*_conditions(wanted))
        .order_by(Row.started_at.desc(), Row.run_id.desc())
        .limit(page_size)
    )
    if cursor is not None:
        started_at, run_id = cursor
        older = (Row.started_at == started_at) & (Row.run_id < run_id)
        query = query.where((Row.started_at < started_at) | older)
    return [
        ListedRun(columns.run_of_row(row[:-2]), row[-2], row[-1])
        for row in query.tuples().execute(tx.database)
    ]


def _conditions(wanted: RunFilter) -> list[Any]:
    conditions: list[Any] = [Row.namespace == wanted.namespace]
    if wanted.workflow_type is not None:
        conditions.append(Row.workflow_type == wanted.workflow_type)
    if wanted.task_queue is not None:
        conditions.append(Row.task_queue == wanted.task_queue)
    if wanted.bucket is not None:
        conditions.append(Row.status.in_(_BUCKETS.get(wanted.bucket, (wanted.bucket,))))
    if wanted.started_after is not None:
        conditions.append(Row.started_at >= wanted.started_after)
    if wanted.started_before is not None:
        conditions.append(Row.started_at <= wanted.started_before)
    if wanted.text is not None:
        text = wanted.text
        conditions.append(
            Row.workflow_id.contains(text)
            | Row.workflow_type.contains(text)
            | Row.business_key.contains(text)
        )
    return conditions


def due_runs(tx: Any, now: int, limit: int) -> list[Due]:
    """Runs whose deadline has passed, oldest first."""
    fields = (Row.shard, Row.run_id, Row.run_id, Row.deadline_at)
    return due(tx, fields, Row.deadline_at.is_null(False) & (Row.deadline_at <= now), limit)


def next_deadline(tx: Any) -> int | None:
    """When the next deadline of a run passes."""
    return earliest(tx, Row.deadline_at, Row.deadline_at.is_null(False))
