"""`dw bulk`: telling many runs the same thing, carried out by the server."""

import time
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from durable_cli import given
from durable_cli.cells import ago, moment, status
from durable_cli.command import command, noun
from durable_cli.ids import request_id
from durable_cli.options import Limit
from durable_cli.pages import Listing, gathered, onward
from durable_cli.problem import FAILURE
from durable_cli.session import Body, Session, stated
from durable_cli.table import Column, Details, listed

app = noun()
PAUSE_SECONDS = 0.5
OperationId = Annotated[str, typer.Argument(metavar="OPERATION_ID", help="Bulk operation.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until it is done.")]
_ROOM = 10_000
_SAMPLE = [
    Column("WORKFLOW ID", "workflow_id"),
    Column("TYPE", "workflow_type"),
    Column("STATUS", lambda each: status(each.get("status"))),
    Column("STARTED", lambda each: ago(each.get("started_at"))),
]
OPERATIONS = [
    Column("OPERATION ID", "operation_id"),
    Column("DOES", "operation"),
    Column("STATUS", lambda each: status(each.get("status"))),
    Column("PROGRESS", lambda each: _progress(each), drop=1),
    Column("STARTED", lambda each: ago(each.get("created_at")), drop=2),
    Column("QUERY", "query", drop=3),
]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which runs, and how fast."""

    query: Annotated[str, typer.Option("--query", help="""As `WorkflowType = "t"`.""")]
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what it would do.")] = False
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="So many runs.")] = None
    rate: Annotated[int | None, typer.Option("--rate", min=1, help="Runs in a second.")] = None
    reason: Annotated[str | None, typer.Option("--reason", help="Why, kept in each run.")] = None
    wait: Wait = False

    def body(self, operation: str) -> Body:
        """The body of the request."""
        return stated(
            operation=operation,
            query=self.query,
            dry_run=self.dry_run or None,
            limit=self.limit,
            requests_per_second=self.rate,
            reason=self.reason,
            request_id=request_id(),
        )


@command(app, "cancel")
def cancel(session: Session, wanted: Wanted) -> int:
    """Cancel every open run that fits a query."""
    return _start(session, wanted, wanted.body("cancel"))


@command(app, "terminate")
def terminate(session: Session, wanted: Wanted) -> int:
    """Terminate every open run that fits a query."""
    return _start(session, wanted, wanted.body("terminate"))


@command(app, "signal")
def signal(
    session: Session,
    signal_name: Annotated[str, typer.Argument(metavar="SIGNAL", help="Signal name.")],
    wanted: Wanted,
    input: Annotated[
        str | None, typer.Option("--input", "-i", help="Arguments as JSON, @file or -.")
    ] = None,
) -> int:
    """Signal every open run that fits a query."""
    body = wanted.body("signal") | stated(
        signal_name=signal_name, input=given.arguments_of(input, None, "json")
    )
    return _start(session, wanted, body)


@command(app, "list", aliases=("ls",))
def list_operations(session: Session, limit: Limit = 50) -> None:
    """List bulk operations, the newest first."""
    listing = Listing("bulk_operations.list", "bulk_operations", limit, page_size_max=100)
    body = gathered(session, listing, {})
    more = onward(body, "bulk_operations")
    session.printer.listed(body, "bulk_operations", OPERATIONS, "No bulk operations.", more)


@command(app, "describe", aliases=("show",))
def describe(session: Session, operation_id: OperationId, wait: Wait = False) -> int:
    """Describe a bulk operation. Exit status with --wait: 1 when it did not complete."""
    body = _until_done(session, operation_id) if wait else _described(session, operation_id)
    session.printer.described(body, _details)
    return FAILURE if wait and body["status"] != "completed" else 0


@command(app, "stop")
def stop(
    session: Session,
    operation_id: OperationId,
    reason: Annotated[str | None, typer.Option("--reason", help="Why.")] = None,
) -> None:
    """Stop a bulk operation; what it has done stays done."""
    body = session.call(
        "bulk_operations.stop", body=stated(reason=reason), operation_id=operation_id
    )
    session.printer.described(body, _details)


def _start(session: Session, wanted: Wanted, body: Body) -> int:
    reply = session.call("bulk_operations.start", body=body)
    if wanted.dry_run:
        about = "" if reply.get("matched_exact", True) else "at least "
        sentence = f"Would {body['operation']} {about}{reply.get('matched')} runs"
        sample = reply.get("sample") or []
        such = [("Such as", listed(sample, _SAMPLE, _ROOM) if sample else None)]
        session.printer.described(reply, lambda _: Details(sentence, blocks=such))
        return 0
    if wanted.wait:
        reply = _until_done(session, str(reply["operation_id"]))
    session.printer.described(reply, _details)
    return FAILURE if wanted.wait and reply["status"] != "completed" else 0


def _described(session: Session, operation_id: str) -> Body:
    return session.call("bulk_operations.describe", operation_id=operation_id)


def _until_done(session: Session, operation_id: str) -> Body:
    with session.progress("Working") as progress:
        while True:
            body = _described(session, operation_id)
            if body["status"] != "running":
                return body
            counts = body.get("progress") or {}
            handled = sum(counts.get(name) or 0 for name in ("done", "skipped", "failed"))
            progress.at(handled, counts.get("matched"))
            time.sleep(PAUSE_SECONDS)


def _progress(body: Body) -> str:
    stated_counts = body.get("progress") or {}
    counts = {n: v for n, v in stated_counts.items() if v and not isinstance(v, bool)}
    return ", ".join(f"{n.replace('_', ' ')} {v:g}" for n, v in counts.items())


def _details(body: Body) -> Details:
    rows: list[tuple[str, Any]] = [
        ("does", body.get("operation")),
        ("query", body.get("query")),
        ("signal", body.get("signal_name")),
        ("reason", body.get("reason")),
        ("progress", _progress(body)),
        ("started", moment(body.get("created_at"))),
        ("closed", moment(body["closed_at"]) if body.get("closed_at") else None),
        ("closed because", body.get("closed_reason")),
    ]
    failures = body.get("failures") or {}
    failed = [("Failures", failures if any(failures.values()) else None)]
    return Details(str(body.get("operation_id")), status(body.get("status")), rows, failed)
