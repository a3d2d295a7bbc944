"""`dw system`: what keeps the server well; for admins."""

from typing import Annotated, Any

import typer

from durable_cli.command import command, noun
from durable_cli.outline import outline
from durable_cli.problem import FAILURE
from durable_cli.session import Body, Session, stated
from durable_cli.table import Details

app = noun()
_FOR_PROGRAMS = "cardinality"
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="At most so many.")]
Runs = Annotated[list[str] | None, typer.Option("--run-id", help="Only this run; may be repeated.")]


@command(app, "repair-status")
def repair_status(session: Session) -> None:
    """Show what needs repair."""
    _shown(session, "Repair", session.call("system.repair"))


@command(app, "repair-pass")
def repair_pass(session: Session, run_id: Runs = None) -> int:
    """Repair what needs it, now."""
    return _passed(session, "Repaired", "system.repair_pass", stated(run_ids=run_id))


@command(app, "activity-timeout-status")
def activity_timeout_status(session: Session, limit: Limit = None) -> None:
    """Show activities whose time is over."""
    body = session.call("system.activity_timeouts", query={"limit": limit})
    _shown(session, "Activity timeouts", body)


@command(app, "activity-timeout-pass")
def activity_timeout_pass(
    session: Session,
    limit: Limit = None,
    execution_id: Annotated[
        list[str] | None, typer.Option("--execution-id", help="Only this; may be repeated.")
    ] = None,
) -> int:
    """End activities whose time is over, now."""
    body = stated(limit=limit, execution_ids=execution_id)
    return _passed(session, "Enforced activity timeouts", "system.activity_timeouts_pass", body)


@command(app, "retention-status")
def retention_status(session: Session, limit: Limit = None) -> None:
    """Show closed runs that are kept long enough."""
    _shown(session, "Retention", session.call("system.retention", query={"limit": limit}))


@command(app, "retention-pass")
def retention_pass(session: Session, limit: Limit = None, run_id: Runs = None) -> int:
    """Delete the details of closed runs that are kept long enough, now."""
    body = stated(limit=limit, run_ids=run_id)
    return _passed(session, "Pruned", "system.retention_pass", body)


@command(app, "metrics")
def metrics(session: Session) -> None:
    """Show the few figures that alarms are made of."""
    _shown(session, "Metrics", session.call("system.metrics"))


@command(app, "operator-metrics")
def operator_metrics(session: Session) -> None:
    """Show everything that the server counts."""
    _shown(session, "Operator metrics", session.call("system.operator_metrics"))


def _shown(session: Session, title: str, body: Body) -> None:
    session.printer.described(body, lambda _: _details(title, body))


def _passed(session: Session, title: str, operation: str, body: Body) -> int:
    with session.progress(title):
        reply = session.reply(operation, body=body)
    session.printer.described(reply.body, lambda _: _details(title, _done(reply.body)))
    # 207: some of it failed.
    return FAILURE if reply.status == 207 else 0


def _done(body: Body) -> Body:
    """What a pass did: of the many figures those that are not nothing."""
    done = {name: each for name, each in body.items() if each not in (None, 0, False, [], {})}
    return done or {"done": "nothing; there was nothing to do"}


def _details(title: str, body: Body) -> Details:
    """Plain values first, what has parts below."""
    rows: list[tuple[str, Any]] = []
    blocks: list[tuple[str, Any]] = []
    for name, value in body.items():
        if name == _FOR_PROGRAMS:
            continue
        label = name.replace("_", " ")
        if isinstance(value, dict):
            blocks.append((label, outline(value)))
        else:
            rows.append((label, value))
    return Details(title, rows=rows, blocks=[each for each in blocks if each[1]])
