"""`dw worker`: who works for this namespace."""

from typing import Annotated, Any

import typer

from durable_cli.cells import ago, moment, status
from durable_cli.command import command, noun
from durable_cli.session import Body, Session, stated
from durable_cli.table import Column, Details

app = noun()
WorkerId = Annotated[str, typer.Argument(metavar="WORKER_ID", help="Worker id.")]
WORKERS = [
    Column("WORKER ID", "worker_id"),
    Column("STATUS", lambda each: status(each.get("status"))),
    Column("QUEUE", "task_queue"),
    Column("RUNTIME", "runtime", drop=3),
    Column("SDK", "sdk_version", drop=4),
    Column("BUILD", "build_id", drop=2),
    Column("SEEN", lambda each: ago(each.get("last_heartbeat_at"))),
    Column("WORKFLOW TYPES", "supported_workflow_types", drop=5),
    Column("ACTIVITY TYPES", "supported_activity_types", drop=6),
]


@command(app, "list", aliases=("ls",))
def list_workers(
    session: Session,
    task_queue: Annotated[str | None, typer.Option("--task-queue", "-q", help="Queue.")] = None,
    status: Annotated[str | None, typer.Option(help="active or draining.")] = None,
) -> None:
    """List the workers, the most recently seen first."""
    asked = stated(task_queue=task_queue, status=status)
    body = session.call("workers.list", query=asked)
    session.printer.listed(body, "workers", WORKERS, "No worker is registered.")


@command(app, "describe", aliases=("show",))
def describe(session: Session, worker_id: WorkerId) -> None:
    """Describe a worker."""
    session.printer.described(session.call("workers.describe", worker_id=worker_id), _details)


@command(app, "deregister", aliases=("delete",))
def deregister(session: Session, worker_id: WorkerId) -> None:
    """Remove a worker's registration; what it holds is offered to others in time."""
    body = session.call("workers.delete", worker_id=worker_id)
    session.printer.done(body, f"Deregistered worker {worker_id}")


def _details(body: Body) -> Details:
    rows: list[tuple[str, Any]] = [
        (name.replace("_", " "), body.get(name))
        for name in ("namespace", "task_queue", "runtime", "sdk_version", "build_id")
    ]
    rows += [
        ("workflow tasks at once", body.get("max_concurrent_workflow_tasks")),
        ("activity tasks at once", body.get("max_concurrent_activity_tasks")),
        ("last seen", moment(body.get("last_heartbeat_at"))),
        ("registered", moment(body.get("registered_at"))),
        ("workflow types", body.get("supported_workflow_types")),
        ("activity types", body.get("supported_activity_types")),
        ("capabilities", body.get("capabilities")),
    ]
    return Details(str(body.get("worker_id")), status(body.get("status")), rows)
