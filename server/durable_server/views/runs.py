"""Runs as clients are shown them."""

import base64
from typing import Any, NamedTuple

import orjson

from durable_server import payloads
from durable_server.clock import to_micro_text, to_second_text
from durable_server.engine import liveness
from durable_server.engine.run_state import Payload, Run, RunDetails, Task

BUCKETS = {
    "pending": "running",
    "waiting": "running",
    "completed": "completed",
    "failed": "failed",
    "cancelled": "failed",
    "terminated": "failed",
}
_NO_ATTRIBUTES = orjson.Fragment(b"{}")


class Standing(NamedTuple):
    """What a description needs beside the run: its place in the workflow and its open work."""

    current_run_id: str
    run_count: int
    work: liveness.OpenWork


def list_item(run: Run, search_attributes: str | None, memo: str | None) -> dict[str, Any]:
    """A run in a list."""
    return {
        "workflow_id": run.workflow_id,
        "run_id": run.run_id,
        "namespace": run.namespace,
        "workflow_type": run.workflow_type,
        "business_key": run.business_key,
        "status": run.status,
        "status_bucket": BUCKETS[run.status],
        "task_queue": run.task_queue,
        "run_number": run.run_number,
        "payload_codec": run.codec_name,
        "is_terminal": run.closed,
        "started_at": to_micro_text(run.started_at),
        "closed_at": _micro(run.closed_at),
        "archived_at": _micro(run.archived_at),
        "memo": _json(memo),
        "search_attributes": _json(search_attributes),
    }


def cursor_token(order: str, keys: tuple[Any, ...], run_id: str) -> str:
    """The token of the page that follows a run: the order, what it is sorted by, and its id."""
    return base64.urlsafe_b64encode(orjson.dumps([order, *keys, run_id])).decode()


def cursor_of(token: str | None, order: str) -> tuple[Any, ...] | None:
    """The keys and the id that a token points behind; one that is none of ours, or of another
    order, means the first page.
    """
    if not token:
        return None
    try:
        found = orjson.loads(base64.urlsafe_b64decode(token))
    except (ValueError, TypeError):
        return None
    if not isinstance(found, list) or len(found) < 3 or found[0] != order:
        return None
    values = found[1:]
    fits = all(isinstance(each, str | int | float | None) for each in values)
    start_fits = isinstance(values[-2], int)
    if not fits or not start_fits or not isinstance(values[-1], str) or "\0" in str(values):
        return None
    return tuple(values)


def chain_item(run: Run) -> dict[str, Any]:
    """A run in the list of a workflow's runs."""
    return {
        "run_id": run.run_id,
        "run_number": run.run_number,
        "workflow_type": run.workflow_type,
        "business_key": run.business_key,
        "status": run.status,
        "task_queue": run.task_queue,
        "started_at": to_micro_text(run.started_at),
        "closed_at": _micro(run.closed_at),
    }


def description(run: Run, details: RunDetails, standing: Standing) -> dict[str, Any]:
    """Everything a client may know of a run; what nobody can decode is null beside its envelope."""
    current = run.run_id == standing.current_run_id
    wait = liveness.wait_of(run, standing.work)
    return {
        "workflow_id": run.workflow_id,
        "run_id": run.run_id,
        "namespace": run.namespace,
        "workflow_type": run.workflow_type,
        "business_key": run.business_key,
        "status": run.status,
        "status_bucket": BUCKETS[run.status],
        "is_terminal": run.closed,
        "closed_reason": run.closed_reason,
        "task_queue": run.task_queue,
        "run_number": run.run_number,
        "run_count": standing.run_count,
        "is_current_run": current,
        "compatibility": run.build_id,
        "payload_codec": run.codec_name,
        "execution_timeout_seconds": run.execution_timeout_seconds,
        "run_timeout_seconds": run.run_timeout_seconds,
        "execution_deadline_at": _second(run.execution_deadline_at),
        "run_deadline_at": _second(run.run_deadline_at),
        "input": payloads.decode(details.input),
        "output": payloads.decode(details.output),
        "input_envelope": _envelope(details.input, run.framing),
        "output_envelope": _envelope(details.output, run.framing),
        "started_at": to_micro_text(run.started_at),
        "closed_at": _micro(run.closed_at),
        "last_progress_at": _second(run.last_progress_at),
        "wait_kind": wait.kind,
        "wait_reason": wait.reason,
        "liveness_state": liveness.liveness_of(run, standing.work).state,
        "workflow_task_failure": _task_failure(standing.work.workflow_task),
        "archived_at": _micro(run.archived_at),
        "memo": _json(details.memo),
        "search_attributes": _json(details.search_attributes),
        "actions": _actions(run, current),
    }


def _task_failure(task: Task | None) -> dict[str, Any] | None:
    """How often in a row workers failed to carry the task out, why, and when it is offered next."""
    if task is None or not task.failure_count:
        return None
    return {
        "failure_count": task.failure_count,
        "message": task.last_error or "",
        "next_attempt_at": to_micro_text(task.available_at),
    }


def _actions(run: Run, current: bool) -> dict[str, bool]:
    """What may be asked of the run on this server now."""
    names = ("signal", "query", "update", "cancel", "terminate", "repair", "archive")
    open_now = current and not run.closed
    allowed = {f"can_{name}": open_now for name in names}
    kept = run.archived_at is None and run.pruned_at is None
    return {**allowed, "can_archive": current and run.closed and kept}


def _envelope(payload: Payload | None, framing: str | None) -> dict[str, Any] | None:
    return None if payload is None else payloads.to_envelope(payloads.render(payload, framing))


def _json(text: str | None) -> Any:
    return _NO_ATTRIBUTES if text is None else orjson.Fragment(text)


def _micro(instant: int | None) -> str | None:
    return None if instant is None else to_micro_text(instant)


def _second(instant: int | None) -> str | None:
    return None if instant is None else to_second_text(instant)
