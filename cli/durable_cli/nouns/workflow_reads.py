"""`dw workflow list`, `count`, `describe`, `runs` and `debug`."""

from dataclasses import dataclass
from typing import Annotated

import typer

from durable_cli import looking, views
from durable_cli.command import command, noun
from durable_cli.options import All, Limit, PageToken, RunId, WorkflowId, starting
from durable_cli.pages import Listing, gathered, onward
from durable_cli.session import Body, Session, stated

app = noun()


def _statuses(word: str) -> list[str]:
    return starting(
        word, "running", "completed", "failed", "cancelled", "terminated", "pending", "waiting"
    )


@dataclass(frozen=True)
class Filters:
    """Which runs are meant; all of them together."""

    type: Annotated[str | None, typer.Option("--type", "-t", help="Workflow type.")] = None
    status: Annotated[
        str | None, typer.Option(help="Status or bucket of statuses.", autocompletion=_statuses)
    ] = None
    task_queue: Annotated[str | None, typer.Option("--task-queue", "-q", help="Task queue.")] = None
    query: Annotated[
        str | None,
        typer.Option("--query", help="""As in `Status = "failed" AND WorkflowType = "x"`."""),
    ] = None
    started_after: Annotated[str | None, typer.Option(help="ISO 8601 instant.")] = None
    started_before: Annotated[str | None, typer.Option(help="ISO 8601 instant.")] = None

    def asked(self) -> Body:
        """The filters as the parameters of a request."""
        return stated(
            workflow_type=self.type,
            status=self.status,
            task_queue=self.task_queue,
            query=self.query,
            started_after=self.started_after,
            started_before=self.started_before,
        )


@command(app, "list", aliases=("ls",))
def list_runs(
    session: Session,
    filters: Filters,
    limit: Limit = 50,
    everything: All = False,
    page_token: PageToken = None,
) -> None:
    """List runs, the newest first."""
    listing = Listing("workflows.list", "workflows", None if everything else limit, page_token)
    body = gathered(session, listing, filters.asked())
    body["workflow_count"] = len(body["workflows"])
    session.printer.listed(
        body,
        "workflows",
        views.RUNS,
        f"No runs in namespace {session.connection.namespace} fit.",
        onward(body, "workflows"),
    )


@command(app, "count")
def count(
    session: Session,
    filters: Filters,
    group_by: Annotated[
        str | None, typer.Option("--group-by", help="One or two attributes, with a comma.")
    ] = None,
) -> None:
    """Count runs, all or by what they have in common."""
    body = session.call("workflows.count", query=filters.asked() | stated(group_by=group_by))
    groups = [(", ".join(map(str, each["values"])), each["count"]) for each in body["groups"]]
    session.printer.done(body, f"{body['count']} runs", groups)


@command(app, "describe", aliases=("show",))
def describe(session: Session, workflow_id: WorkflowId, run_id: RunId = None) -> None:
    """Describe the current run of a workflow, or another."""
    session.printer.described(looking.run(session, workflow_id, run_id), views.run_details)


@command(app, "show-run", hidden=True)
def show_run(
    session: Session,
    workflow_id: WorkflowId,
    run_id: Annotated[str, typer.Argument(metavar="RUN_ID", help="Run id.")],
) -> None:
    """Describe one run."""
    session.printer.described(looking.run(session, workflow_id, run_id), views.run_details)


@command(app, "runs", aliases=("list-runs",))
def runs(session: Session, workflow_id: WorkflowId) -> None:
    """List the runs of a workflow, in the order in which each continued the one before."""
    body = session.call("workflows.list_runs", workflow_id=workflow_id)
    session.printer.listed(body, "runs", views.CHAIN, "The workflow has no runs.")
