"""`dw debug`: why a run does not go on."""

from typing import Annotated, Any

import typer
from rich.text import Text

from durable_cli.command import command, noun
from durable_cli.options import RunId, WorkflowId
from durable_cli.session import Body, Session

app = noun()
_ADVICE = {
    "no_active_pollers": "Start a worker that polls task queue {task_queue} and knows the type.",
    "expired_leases": "Its worker is gone; the task is offered again by itself within seconds.",
    "task_problem": "Read the failure below and correct the workflow; it is tried again.",
    "repair_attention": "Give it a new workflow task: dw workflow repair {workflow_id}",
    "workflow_replay_blocked": "Correct the code, then: dw workflow repair {workflow_id}",
}


@command(app, "workflow")
def workflow(
    session: Session,
    workflow_id: WorkflowId,
    run_id: RunId = None,
    payload: Annotated[
        bool, typer.Option("--payload", help="Also the last event's payload.")
    ] = False,
) -> None:
    """Show what a run has open, who holds it, what fails, and what to do."""
    query = {"include_last_event_payload": "1" if payload else None}
    if run_id is None:
        body = session.call("debug.workflow", query=query, workflow_id=workflow_id)
    else:
        body = session.call("debug.run", query=query, workflow_id=workflow_id, run_id=run_id)
    session.printer.described(body, _details)


@command(app, "run", hidden=True)
def run(
    session: Session,
    workflow_id: WorkflowId,
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="Run id.")],
) -> None:
    """The same for a run."""
    session.printer.described(
        session.call("debug.run", workflow_id=workflow_id, run_id=run_id), _details
    )


def _details(body: Body) -> Any:
    from durable_cli.cells import moment, status
    from durable_cli.table import Details

    execution, counts = body.get("execution") or {}, body.get("counts") or {}
    last = execution.get("last_event") or {}
    rows = [
        ("run id", body.get("run_id")),
        ("status", execution.get("status")),
        ("type", execution.get("workflow_type")),
        ("task queue", execution.get("task_queue")),
        ("build", execution.get("compatibility")),
        ("started", moment(execution.get("started_at"))),
        ("last event", f"{last.get('sequence')} {last.get('event_type')}" if last else None),
        ("waits for", execution.get("wait_reason")),
        ("liveness", execution.get("liveness_reason")),
        ("events", counts.get("history_events")),
    ]
    return Details(
        str(body.get("workflow_id")),
        status(body.get("diagnostic_status")),
        rows,
        [
            ("Findings", _findings(body)),
            *_tables(body),
            ("Last event", last.get("payload_preview")),
        ],
    )


def _findings(body: Body) -> Text | None:
    """What the server found, each with what to do about it."""
    told = Text()
    facts = {
        "workflow_id": body.get("workflow_id"),
        "task_queue": (body.get("execution") or {}).get("task_queue"),
    }
    for finding in body.get("findings") or []:
        style = "red" if finding.get("severity") == "error" else "yellow"
        told.append("\n" if told else "")
        told.append(f"{finding.get('severity')}: ", style=style).append(str(finding.get("message")))
        advice = _ADVICE.get(str(finding.get("code")))
        if advice:
            told.append("\n  do: ", style="bold").append(advice.format(**facts))
    return told or None


def _tables(body: Body) -> list[tuple[str, Any]]:
    from durable_cli import debug_tables

    return debug_tables.of(body)
