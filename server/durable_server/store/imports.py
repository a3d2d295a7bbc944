"""Runs that were imported for reading: their rows, and the documents that they came in."""

from typing import Any

from durable_server.engine.run_state import Event, Run, RunDetails
from durable_server.refusal import Refusal
from durable_server.store import columns
from durable_server.store.models import Event as EventRow
from durable_server.store.models import ImportedRun, Workflow
from durable_server.store.models import Run as RunRow
from durable_server.store.models import RunDetails as DetailsRow
from durable_server.store.run_attributes import rows_of

EVENTS_AT_ONCE = 500


def find_document(tx: Any, shard: int, run_id: str) -> tuple[str, str] | None:
    """The checksum and the document of an imported run."""
    query = ImportedRun.select(ImportedRun.checksum, ImportedRun.document)
    query = query.where(ImportedRun.shard == shard, ImportedRun.run_id == run_id).tuples()
    return next(iter(query.execute(tx.database)), None)


def insert_run(
    tx: Any, run: Run, details: RunDetails, events: list[Event], document: tuple[str, str]
) -> bool:
    """Keep an imported run; False when the same document was imported before.

    Refused when the namespace has another run of this id, or of this number of its workflow.
    """
    found = find_document(tx, run.shard, run.run_id)
    if found is not None and found[0] == document[0]:
        return False
    if found is not None or _is_taken(tx, run):
        raise Refusal("import_conflict", workflow_id=run.workflow_id, run_id=run.run_id)
    _hold_workflow(tx, run)
    for model, table, value in (
        (RunRow, columns.RUNS, run),
        (DetailsRow, columns.RUN_DETAILS, details),
    ):
        row = dict(zip(table.names, table.to_row(value), strict=True))
        model.insert(row).execute(tx.database)
    for start in range(0, len(events), EVENTS_AT_ONCE):
        rows = [event._asdict() for event in events[start : start + EVENTS_AT_ONCE]]
        EventRow.insert_many(rows).execute(tx.database)
    attributes = rows_of(run, details)
    if attributes:
        tx.write_rows("insert_run_attributes", attributes)
    imported = {
        "shard": run.shard,
        "run_id": run.run_id,
        "namespace": run.namespace,
        "workflow_id": run.workflow_id,
        "checksum": document[0],
        "document": document[1],
        "imported_at": tx.now,
    }
    ImportedRun.insert(imported).execute(tx.database)
    return True


def _is_taken(tx: Any, run: Run) -> bool:
    same_id = (RunRow.shard == run.shard) & (RunRow.run_id == run.run_id)
    mine = (RunRow.shard == run.shard) & (RunRow.namespace == run.namespace)
    same_number = mine & (RunRow.workflow_id == run.workflow_id)
    same_number &= RunRow.run_number == run.run_number
    query = RunRow.select(RunRow.run_id).where(same_id | same_number).limit(1).tuples()
    return bool(list(query.execute(tx.database)))


def _hold_workflow(tx: Any, run: Run) -> None:
    """The workflow of an imported run; the run is its current one when none is newer."""
    mine = (Workflow.shard == run.shard) & (Workflow.namespace == run.namespace)
    mine &= Workflow.workflow_id == run.workflow_id
    row = {
        "shard": run.shard,
        "namespace": run.namespace,
        "workflow_id": run.workflow_id,
        "workflow_type": run.workflow_type,
        "current_run_id": run.run_id,
        "run_count": run.run_number,
        "created_at": run.started_at,
    }
    if Workflow.insert(row).on_conflict_ignore().as_rowcount().execute(tx.database):
        return
    newer = {Workflow.current_run_id: run.run_id, Workflow.run_count: run.run_number}
    Workflow.update(newer).where(mine, Workflow.run_count < run.run_number).execute(tx.database)
