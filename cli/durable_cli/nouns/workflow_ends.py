"""`dw workflow cancel`, `terminate`, `repair` and `archive`."""

from collections.abc import Sequence
from typing import Any

from durable_cli.command import command, noun
from durable_cli.ids import request_id
from durable_cli.options import Reason, RunId, WorkflowId
from durable_cli.session import Session, stated

app = noun()
_SENTENCES = {
    "cancelled": "Cancelled {workflow_id}",
    "terminated": "Terminated {workflow_id}",
    "repair_dispatched": "Gave {workflow_id} a new workflow task",
    "repair_not_needed": "{workflow_id} needs no repair",
    "archived": "Archived {workflow_id}",
    "archive_not_needed": "{workflow_id} is archived already",
}


@command(app, "cancel")
def cancel(
    session: Session, workflow_id: WorkflowId, run_id: RunId = None, reason: Reason = None
) -> None:
    """Cancel a workflow: its run ends as cancelled, and so does what it has open."""
    _end(session, ("runs.cancel", "runs.cancel_run"), workflow_id, run_id, reason=reason)


@command(app, "terminate")
def terminate(
    session: Session, workflow_id: WorkflowId, run_id: RunId = None, reason: Reason = None
) -> None:
    """Terminate a workflow at once, without any cleanup."""
    _end(session, ("runs.terminate", "runs.terminate_run"), workflow_id, run_id, reason=reason)


@command(app, "repair")
def repair(session: Session, workflow_id: WorkflowId, run_id: RunId = None) -> None:
    """Give a workflow that is stuck a new workflow task."""
    _end(session, ("runs.repair", "runs.repair_run"), workflow_id, run_id)


@command(app, "archive")
def archive(
    session: Session, workflow_id: WorkflowId, run_id: RunId = None, reason: Reason = None
) -> None:
    """Keep a closed run from being deleted when its retention is over."""
    _end(session, ("runs.archive", "runs.archive_run"), workflow_id, run_id, reason=reason)


def _end(
    session: Session,
    operations: Sequence[str],
    workflow_id: str,
    run_id: str | None,
    **fields: Any,
) -> None:
    of_workflow, of_run = operations
    body = stated(**fields, request_id=request_id())
    if run_id is None:
        reply = session.call(of_workflow, body=body, workflow_id=workflow_id)
    else:
        reply = session.call(of_run, body=body, workflow_id=workflow_id, run_id=run_id)
    outcome = str(reply.get("outcome"))
    sentence = _SENTENCES.get(outcome, "{workflow_id}: " + outcome)
    session.printer.done(
        reply,
        sentence.format(workflow_id=workflow_id),
        [("run id", reply.get("run_id")), ("reason", reply.get("reason"))],
    )
