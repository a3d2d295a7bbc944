"""`dw task-queue`: what waits, who works, and which builds get work."""

from typing import Annotated, Any

import typer

from durable_cli.cells import ago, status
from durable_cli.command import command, noun
from durable_cli.problem import USAGE, Problem
from durable_cli.session import Body, Session
from durable_cli.table import Column, Details, listed, pairs

app = noun()
Queue = Annotated[str, typer.Argument(metavar="QUEUE", help="Name of the task queue.")]
BuildId = Annotated[str | None, typer.Option("--build-id", help="Build of the workers.")]
Unversioned = Annotated[bool, typer.Option("--unversioned", help="Workers without a build.")]
_ROOM = 10_000
_FOR_PROGRAMS = ("_source", "lock_required", "lock_supported")


def _stat(*names: str) -> Any:
    def of(queue: Body) -> Any:
        value: Any = queue.get("stats") or {}
        for name in names:
            value = (value or {}).get(name)
        return value

    return of


def _admitted(queue: Body, kind: str) -> Any:
    stated = ((queue.get("admission") or {}).get(kind) or {}).get("status")
    return status(stated) if stated else None


QUEUES = [
    Column("QUEUE", "name"),
    Column("BACKLOG", _stat("approximate_backlog_count"), right=True),
    Column("OLDEST", _stat("approximate_backlog_age")),
    Column("WORKERS", _stat("pollers", "active_count"), right=True),
    Column("STALE", _stat("pollers", "stale_count"), right=True, drop=3),
    Column("LEASED", lambda q: _leased(q), right=True, drop=2),
    Column("WORKFLOW TASKS", lambda q: _admitted(q, "workflow_tasks"), drop=1),
    Column("ACTIVITY TASKS", lambda q: _admitted(q, "activity_tasks"), drop=4),
]
_POLLERS = [
    Column("WORKER", "worker_id"),
    Column("STATUS", lambda each: status(each.get("status"))),
    Column("RUNTIME", "runtime"),
    Column("BUILD", "build_id"),
    Column("SEEN", lambda each: ago(each.get("last_heartbeat_at"))),
]
_LEASES = [
    Column("TASK", "task_id"),
    Column("KIND", "task_type"),
    Column("WORKFLOW ID", "workflow_id"),
    Column("HELD BY", "lease_owner"),
    Column("LEASE ENDS", lambda each: ago(each.get("lease_expires_at"))),
]
BUILDS = [
    Column("BUILD", lambda each: each.get("build_id") or "(unversioned)"),
    Column("ROLLOUT", lambda each: status(each.get("rollout_status"))),
    Column("ACTIVE", "active_worker_count", right=True),
    Column("DRAINING", "draining_worker_count", right=True),
    Column("STALE", "stale_worker_count", right=True),
    Column("SEEN", lambda each: ago(each.get("last_heartbeat_at")), drop=1),
    Column("SDK", "sdk_versions", drop=2),
]


@command(app, "list", aliases=("ls",))
def list_queues(session: Session) -> None:
    """List the task queues with their backlog and their workers."""
    body = session.call("task_queues.list")
    session.printer.listed(body, "task_queues", QUEUES, "No task queue has been used yet.")


@command(app, "describe", aliases=("show",))
def describe(session: Session, queue: Queue) -> None:
    """Describe a task queue: backlog, workers, leases, and what it admits."""
    session.printer.described(session.call("task_queues.describe", task_queue=queue), _details)


@command(app, "build-ids")
def build_ids(session: Session, queue: Queue) -> None:
    """List the builds of the workers of a task queue."""
    body = session.call("task_queues.build_ids", task_queue=queue)
    session.printer.listed(body, "build_ids", BUILDS, "No worker has registered here.")


@command(app, "drain")
def drain(
    session: Session, queue: Queue, build_id: BuildId = None, unversioned: Unversioned = False
) -> None:
    """Give workers of a build no new tasks; they finish what they hold."""
    _build(session, "task_queues.drain", queue, _named(build_id, unversioned))


@command(app, "resume")
def resume(
    session: Session, queue: Queue, build_id: BuildId = None, unversioned: Unversioned = False
) -> None:
    """Give workers of a drained build tasks again."""
    _build(session, "task_queues.resume", queue, _named(build_id, unversioned))


@command(app, "promote")
def promote(
    session: Session, queue: Queue, build_id: BuildId = None, unversioned: Unversioned = False
) -> None:
    """Let new workflows run on a build."""
    _build(session, "task_queues.promote", queue, _named(build_id, unversioned))


def _named(build_id: str | None, unversioned: bool) -> str | None:
    if (build_id is None) == (not unversioned):
        raise Problem(
            "Say which workers: --build-id BUILD, or --unversioned.",
            USAGE,
            remedy="dw task-queue build-ids QUEUE lists the builds of a queue.",
        )
    return build_id


def _build(session: Session, operation: str, queue: str, build_id: str | None) -> None:
    body = session.call(operation, body={"build_id": build_id}, task_queue=queue)
    facts = [
        (name.replace("_", " "), body.get(name))
        for name in ("drain_intent", "drained_at", "outcome")
    ]
    verb = operation.rpartition(".")[2].removesuffix("_build_id")
    sentence = f"{verb.capitalize()}: build {build_id or '(unversioned)'} of {queue}"
    session.printer.done(body, sentence, facts)


def _leased(queue: Body) -> int:
    stats = queue.get("stats") or {}
    kinds = ("workflow_tasks", "activity_tasks")
    return sum((stats.get(kind) or {}).get("leased_count") or 0 for kind in kinds)


def _details(body: Body) -> Details:
    stats = body.get("stats") or {}
    oldest = stats.get("oldest_ready_task") or {}
    rows = [
        ("backlog", stats.get("approximate_backlog_count")),
        ("oldest waits", stats.get("approximate_backlog_age")),
        ("oldest task", oldest.get("task_id")),
        ("of workflow", oldest.get("workflow_id")),
        ("leased", _leased(body)),
        ("active workers", _stat("pollers", "active_count")(body)),
        ("stale workers", _stat("pollers", "stale_count")(body)),
    ]
    pollers, leases = body.get("pollers") or [], body.get("current_leases") or []
    return Details(
        str(body.get("name")),
        None,
        rows,
        [
            ("Workers", listed(pollers, _POLLERS, _ROOM) if pollers else None),
            ("Leases", listed(leases, _LEASES, _ROOM) if leases else None),
            *_admission(body.get("admission") or {}),
        ],
    )


def _admission(admission: Body) -> list[tuple[str, Any]]:
    blocks: list[tuple[str, Any]] = []
    for kind, stated in admission.items():
        if isinstance(stated, dict):
            # Limits that are not set bound nothing; where a figure comes from is for programs.
            shown = {n: v for n, v in stated.items() if not n.endswith(_FOR_PROGRAMS)}
            facts = [(n.replace("_", " "), v) for n, v in shown.items() if v not in (None, False)]
            facts = [(n, status(v) if n == "status" else v) for n, v in facts]
            blocks.append((f"Admission of {kind.replace('_', ' ')}", pairs(facts)))
    return blocks
