"""`dw workflow start` and `signal-with-start`."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from durable_cli import given, waiting
from durable_cli.command import command, noun
from durable_cli.ids import request_id
from durable_cli.options import Payload, WorkflowId, starting
from durable_cli.session import Body, Session, stated

app = noun()
_OUTCOMES = {
    "started_new": "Started workflow {workflow_id}",
    "returned_existing_active": "Workflow {workflow_id} runs already; nothing was started",
}


def _policies(word: str) -> list[str]:
    return starting(word, "fail", "use-existing")


@dataclass(frozen=True, kw_only=True)
class Start(Payload):
    """What a workflow is started with."""

    type: Annotated[str, typer.Option("--type", "-t", help="Workflow type.")]
    task_queue: Annotated[str | None, typer.Option("--task-queue", "-q", help="Task queue.")] = None
    business_key: Annotated[str | None, typer.Option("--business-key", help="A second name.")] = (
        None
    )
    duplicate_policy: Annotated[
        str | None,
        typer.Option(help="When the id is taken: fail or use-existing.", autocompletion=_policies),
    ] = None
    execution_timeout: Annotated[
        int | None, typer.Option(help="Seconds that all its runs may take together.")
    ] = None
    run_timeout: Annotated[int | None, typer.Option(help="Seconds that a run may take.")] = None
    memo: Annotated[str | None, typer.Option(help="Memo: a JSON object, or @file.")] = None
    search_attr: Annotated[
        list[str] | None,
        typer.Option("--search-attr", help="Search attribute NAME=VALUE; may be repeated."),
    ] = None
    priority: Annotated[int | None, typer.Option(help="0 (first) to 9.")] = None
    build_id: Annotated[str | None, typer.Option(help="Only workers of this build.")] = None

    def body(self) -> Body:
        """The body of the request."""
        return stated(
            workflow_type=self.type,
            task_queue=self.task_queue,
            input=self.arguments(),
            business_key=self.business_key,
            duplicate_policy=self.duplicate_policy,
            execution_timeout_seconds=self.execution_timeout,
            run_timeout_seconds=self.run_timeout,
            memo=given.object_of(self.memo, "--memo"),
            search_attributes=given.pairs_of(self.search_attr, "--search-attr"),
            priority=self.priority,
            build_id=self.build_id,
        )


@command(app, "start")
def start(
    session: Session,
    options: Start,
    workflow_id: Annotated[
        str | None, typer.Option("--workflow-id", "--id", "-w", help="Made up when absent.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end.")] = False,
    wait_timeout: Annotated[float | None, typer.Option(help="Seconds to wait at most.")] = None,
) -> int:
    """Start a workflow.

    Exit status with --wait: 0 when it completes, 1 when it ends otherwise, 7 when time is up.
    """
    body = session.call("workflows.start", body=options.body() | stated(workflow_id=workflow_id))
    if wait:
        return waiting.shown(session, str(body["workflow_id"]), None, wait_timeout)
    _started(session, body)
    return 0


@command(app, "signal-with-start")
def signal_with_start(
    session: Session,
    workflow_id: WorkflowId,
    signal_name: Annotated[str, typer.Argument(metavar="SIGNAL", help="Signal name.")],
    options: Start,
    signal_input: Annotated[
        str | None, typer.Option("--signal-input", help="The signal's arguments as JSON or @file.")
    ] = None,
) -> None:
    """Signal a workflow; start it first where it has no open run."""
    asked: Any = {
        **options.body(),
        **stated(signal_input=given.arguments_of(signal_input, None, "json", "--signal-input")),
        "request_id": request_id(),
    }
    body = session.call(
        "signals.signal_with_start", body=asked, workflow_id=workflow_id, signal_name=signal_name
    )
    session.printer.done(
        body,
        f"Signalled {signal_name} to {workflow_id}",
        [("run id", body.get("run_id")), ("outcome", body.get("outcome"))],
    )


def _started(session: Session, body: Body) -> None:
    sentence = _OUTCOMES.get(str(body.get("outcome")), "Workflow {workflow_id}")
    session.printer.done(
        body,
        sentence.format(**body),
        [
            ("run id", body.get("run_id")),
            ("type", body.get("workflow_type")),
            ("namespace", body.get("namespace")),
            ("business key", body.get("business_key")),
            ("status", body.get("status")),
        ],
    )
