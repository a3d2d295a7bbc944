"""Waiting for the end of a workflow, through all its runs."""

import time
from collections.abc import Iterator
from typing import Any

from durable_cli import looking, views
from durable_cli.problem import FAILURE, OK, TIMEOUT, Problem
from durable_cli.session import Body, Session

_PAUSE_SECONDS_FIRST = 0.1
_PAUSE_SECONDS_MAX = 2.0


def shown(
    session: Session, workflow_id: str, run_id: str | None, timeout_seconds: float | None
) -> int:
    """Wait for the end and describe the run that ended; 0 only when it completed."""
    run = until_closed(session, workflow_id, run_id, timeout_seconds)
    session.printer.described(run, views.run_details)
    return OK if completed(run) else FAILURE


def completed(run: Body) -> bool:
    """Whether a run ended well."""
    return bool(run.get("status") == "completed")


def until_closed(
    session: Session, workflow_id: str, run_id: str | None, timeout_seconds: float | None
) -> Body:
    """The description of the run that ended the workflow, or of the run that was named."""
    ends_at = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    with session.progress(f"Waiting for {workflow_id}") as progress:
        for pause in _pauses():
            run = looking.run(session, workflow_id, run_id)
            if run.get("is_terminal"):
                return run
            told = run.get("wait_reason") or run.get("status")
            progress.at(0, None, f"Waiting for {workflow_id}: {told}")
            left = None if ends_at is None else ends_at - time.monotonic()
            if left is not None and left <= 0:
                raise _late(run, timeout_seconds)
            time.sleep(pause if left is None else min(pause, left))
    raise AssertionError("the pauses do not end")


def _pauses() -> Iterator[float]:
    pause = _PAUSE_SECONDS_FIRST
    while True:
        yield pause
        pause = min(pause * 1.5, _PAUSE_SECONDS_MAX)


def _late(run: Body, seconds: Any) -> Problem:
    return Problem(
        f"Workflow {run['workflow_id']} is still {run['status']} after {seconds:g} s.",
        TIMEOUT,
        remedy=f"It goes on without you; look with: dw debug workflow {run['workflow_id']}",
    )
