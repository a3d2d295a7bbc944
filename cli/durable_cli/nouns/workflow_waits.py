"""`dw workflow wait` and `result`."""

from typing import Annotated

import typer

from durable_cli import views, waiting
from durable_cli.command import command, noun
from durable_cli.options import RunId, WorkflowId
from durable_cli.problem import FAILURE, Problem
from durable_cli.session import Session

app = noun()
Patience = Annotated[
    float | None,
    typer.Option("--wait-timeout", min=0, help="Seconds to wait at most; for ever when absent."),
]


@command(app, "wait", aliases=("watch",))
def wait(
    session: Session, workflow_id: WorkflowId, run_id: RunId = None, wait_timeout: Patience = None
) -> int:
    """Wait for the end of a workflow, and describe it.

    Exit status: 0 when it completed, 1 when it ended otherwise, 7 when time was up first.
    """
    return waiting.shown(session, workflow_id, run_id, wait_timeout)


@command(app, "result")
def result(
    session: Session, workflow_id: WorkflowId, run_id: RunId = None, wait_timeout: Patience = None
) -> None:
    """Wait for the end of a workflow, and print its result, nothing else.

    Exit status: 0 when it completed, 1 when it ended otherwise, 7 when time was up first.
    """
    run = waiting.until_closed(session, workflow_id, run_id, wait_timeout)
    if not waiting.completed(run):
        raise Problem(
            f"Workflow {workflow_id} has no result: it is {views.status_of(run)}.",
            FAILURE,
            remedy=f"See why: dw debug workflow {workflow_id}",
        )
    session.printer.value(run.get("output"))
