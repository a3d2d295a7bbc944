"""How runs look: in lists, described, and when they have ended."""

from typing import Any

from rich.text import Text

from durable_cli.cells import ago, moment, status, took
from durable_cli.table import Column, Details

Body = dict[str, Any]


def status_of(run: Body) -> Text:
    """A run's status; how it closed where the status alone does not tell."""
    stated = status(run.get("status"))
    reason = run.get("closed_reason")
    if reason in ("continued", "timed_out"):
        stated.append(f" ({reason.replace('_', ' ')})")
    return stated


RUNS = [
    Column("WORKFLOW ID", "workflow_id"),
    Column("TYPE", "workflow_type", drop=1),
    Column("STATUS", status_of),
    Column("STARTED", lambda run: ago(run.get("started_at"))),
    Column("TOOK", lambda run: took(run.get("started_at"), run.get("closed_at")), drop=4),
    Column("QUEUE", "task_queue", drop=2),
    Column("KEY", "business_key", drop=3),
    Column("RUN ID", "run_id", drop=5),
]
CHAIN = [
    Column("RUN", "run_number", right=True),
    Column("RUN ID", "run_id"),
    Column("STATUS", status_of),
    Column("STARTED", lambda run: ago(run.get("started_at"))),
    Column("TOOK", lambda run: took(run.get("started_at"), run.get("closed_at")), drop=2),
    Column("QUEUE", "task_queue", drop=1),
]


def run_details(run: Body) -> Details:
    """A run, described."""
    failure = run.get("workflow_task_failure")
    rows = [
        ("run id", run.get("run_id")),
        ("run", _place(run)),
        ("type", run.get("workflow_type")),
        ("namespace", run.get("namespace")),
        ("task queue", run.get("task_queue")),
        ("business key", run.get("business_key")),
        ("build", run.get("compatibility")),
        ("started", _when(run.get("started_at"))),
        ("closed", _when(run.get("closed_at"))),
        ("took", _took(run)),
        ("last progress", None if run.get("is_terminal") else _when(run.get("last_progress_at"))),
        ("waits for", run.get("wait_reason")),
        ("run deadline", _when(run.get("run_deadline_at"))),
        ("execution deadline", _when(run.get("execution_deadline_at"))),
        ("archived", _when(run.get("archived_at"))),
    ]
    blocks = [
        ("Input", run.get("input")),
        ("Output", run.get("output")),
        ("Failing workflow task", failure),
        ("Memo", run.get("memo")),
        ("Search attributes", run.get("search_attributes")),
    ]
    return Details(str(run.get("workflow_id")), status_of(run), rows, blocks)


def _place(run: Body) -> str | None:
    number, count = run.get("run_number"), run.get("run_count")
    if number is None or count in (None, 1):
        return None
    return f"{number} of {count}" + (", the current one" if run.get("is_current_run") else "")


def _took(run: Body) -> str | None:
    return took(run.get("started_at"), run["closed_at"]) if run.get("closed_at") else None


def _when(value: Any) -> Any:
    return moment(value) if value else None
