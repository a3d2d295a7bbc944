"""Resuming a run: the one place where its next workflow task comes to be.

A run has at most one open workflow task. A reason that comes while it is ready adds nothing, since
whoever takes the task is given the newest history; one that comes while it is leased is kept as
`Run.wake_requested`, and becomes a task of its own when the leased one ends.
"""

from typing import Any

import orjson

from durable_server.engine.decision import Draft
from durable_server.engine.run_state import Task


def resume_run(
    draft: Draft,
    reason: dict[str, Any],
    available_at: int | None = None,
    task_id: str | None = None,
) -> None:
    """See to it that a worker looks at the run; `reason` becomes its resume context.

    The task gets a new id unless one was made for it before.
    """
    run = draft.run
    if run.task_id is not None:
        run.wake_requested = run.wake_requested or run.task_leased
        return
    task_id = task_id or draft.new_id()
    run.task_id, run.task_leased, run.wake_requested = task_id, False, False
    draft.put_task(
        new_task(draft, task_id, "workflow", run.workflow_type, run.task_queue)._replace(
            available_at=draft.now if available_at is None else available_at,
            resume=orjson.dumps(reason).decode() if reason else None,
        ),
        new=True,
    )


def new_task(draft: Draft, task_id: str, kind: str, type_name: str, task_queue: str) -> Task:
    """A ready task of the run, due now; only workers of the run's build may be given it."""
    run = draft.run
    return Task(
        shard=run.shard,
        task_id=task_id,
        run_id=run.run_id,
        namespace=run.namespace,
        workflow_id=run.workflow_id,
        task_queue=task_queue,
        kind=kind,
        status="ready",
        type_name=type_name,
        build_id=run.build_id,
        activity_execution_id=None,
        available_at=draft.now,
        attempt=0,
        leased_at=None,
        lease_owner=None,
        lease_expires_at=None,
        poll_request_id=None,
        history_sequence=0,
        failure_count=0,
        last_error=None,
        resume=None,
        digest=None,
        answer=None,
        created_at=draft.now,
    )
