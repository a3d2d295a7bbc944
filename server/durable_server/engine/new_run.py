"""A run that begins: its row, the event WorkflowStarted, its first workflow task.

Runs begin because a client starts a workflow, because a parent asks for a child, because a child is
tried again, and because a workflow continues as new.
"""

from typing import Any, NamedTuple

import orjson

from durable_server.clock import SECOND, to_micro_text, to_second_text
from durable_server.engine.decision import Draft, Moment
from durable_server.engine.resume import resume_run
from durable_server.engine.run_state import Payload, Run, RunDetails, RunState, Workflow


class NewRun(NamedTuple):
    """What a run begins with. memo, search_attributes, parent: JSON text."""

    shard: int
    run_id: str
    namespace: str
    workflow_id: str
    run_number: int
    workflow_type: str
    task_queue: str
    input: Payload
    build_id: str | None
    business_key: str | None
    memo: str | None
    search_attributes: str | None
    execution_timeout_seconds: int | None
    run_timeout_seconds: int | None
    execution_deadline_at: int | None
    parent: str | None = None
    trace: str | None = None


class FirstTask(NamedTuple):
    """When the first task may be taken, now unless told, and its id where it was told before."""

    available_at: int | None = None
    task_id: str | None = None


AT_ONCE = FirstTask()


def next_of(draft: Draft) -> NewRun:
    """The next run of the workflow, which takes over what the run at hand has: it may be changed.

    The execution deadline stays; the run deadline begins anew.
    """
    run, details = draft.run, draft.details
    return NewRun(
        shard=run.shard,
        run_id=draft.new_id(),
        namespace=run.namespace,
        workflow_id=run.workflow_id,
        run_number=draft.workflow.run_count + 1,
        workflow_type=run.workflow_type,
        task_queue=run.task_queue,
        input=details.input,
        build_id=run.build_id,
        business_key=run.business_key,
        memo=details.memo,
        search_attributes=details.search_attributes,
        execution_timeout_seconds=run.execution_timeout_seconds,
        run_timeout_seconds=run.run_timeout_seconds,
        execution_deadline_at=run.execution_deadline_at,
        parent=run.parent,
        trace=run.trace,
    )


def draft_of(new: NewRun, moment: Moment) -> Draft:
    """A draft of a run that begins now; nothing of it is recorded yet."""
    return Draft(RunState(run_of(new, moment.now)), moment)


def begin(
    draft: Draft,
    new: NewRun,
    holder: Workflow | None,
    told: dict[str, Any],
    task: FirstTask = AT_ONCE,
) -> None:
    """Record that the run begins, the first of its workflow or the next one of `holder`.

    `told` is what WorkflowStarted tells of where the run comes from.
    """
    run = draft.run
    payload = {**identity_of(run), **started_fields(new, run, draft.now), **told}
    draft.append("WorkflowStarted", orjson.dumps(payload))
    resume_run(draft, {}, available_at=task.available_at, task_id=task.task_id)
    draft.set_new(
        _holder_of(new, holder, draft.now),
        RunDetails(new.shard, new.run_id, new.input, None, new.memo, new.search_attributes),
    )


def identity_of(run: Run) -> dict[str, str]:
    """What the first events of a run say it is."""
    return {
        "workflow_class": run.workflow_type,
        "workflow_type": run.workflow_type,
        "workflow_instance_id": run.workflow_id,
        "workflow_run_id": run.run_id,
    }


def run_of(new: NewRun, now: int) -> Run:
    """The row of a run that begins now."""
    run_deadline = (
        None if new.run_timeout_seconds is None else now + new.run_timeout_seconds * SECOND
    )
    deadlines = (new.execution_deadline_at, run_deadline)
    return Run(
        shard=new.shard,
        run_id=new.run_id,
        namespace=new.namespace,
        workflow_id=new.workflow_id,
        run_number=new.run_number,
        workflow_type=new.workflow_type,
        task_queue=new.task_queue,
        build_id=new.build_id,
        status="pending",
        closed_reason=None,
        business_key=new.business_key,
        payload_codec=new.input.codec,
        framing=None,
        sdk_version=None,
        execution_timeout_seconds=new.execution_timeout_seconds,
        run_timeout_seconds=new.run_timeout_seconds,
        execution_deadline_at=new.execution_deadline_at,
        run_deadline_at=run_deadline,
        deadline_at=min((at for at in deadlines if at is not None), default=None),
        started_at=now,
        closed_at=None,
        last_progress_at=now,
        last_sequence=0,
        history_bytes=0,
        next_step=1,
        open_activities=0,
        open_timers=0,
        task_id=None,
        task_leased=False,
        wake_requested=False,
        parent=new.parent,
        trace=new.trace,
    )


def started_fields(new: NewRun, run: Run, now: int) -> dict[str, Any]:
    """The part of WorkflowStarted that is not identity; absent rather than null."""
    optional = {
        "business_key": new.business_key,
        "memo": orjson.Fragment(new.memo) if new.memo else None,
        "search_attributes": orjson.Fragment(new.search_attributes)
        if new.search_attributes
        else None,
        "execution_timeout_seconds": run.execution_timeout_seconds,
        "run_timeout_seconds": run.run_timeout_seconds,
        **deadlines_of(run),
    }
    fields: dict[str, Any] = {"timestamp": to_micro_text(now), "payload_codec": run.codec_name}
    fields.update((name, value) for name, value in optional.items() if value is not None)
    return fields


def deadlines_of(run: Run) -> dict[str, str | None]:
    """The deadlines of a run as histories tell them."""
    return {
        "execution_deadline_at": _second_text(run.execution_deadline_at),
        "run_deadline_at": _second_text(run.run_deadline_at),
    }


def deadline(now: int, seconds: int | None) -> int | None:
    """The instant so many seconds from now, if there is a bound."""
    return None if seconds is None else now + seconds * SECOND


def _holder_of(new: NewRun, holder: Workflow | None, now: int) -> Workflow:
    if holder is not None:
        return holder._replace(current_run_id=new.run_id, run_count=holder.run_count + 1)
    return Workflow(
        new.shard, new.namespace, new.workflow_id, new.workflow_type, new.run_id, 1, now
    )


def _second_text(instant: int | None) -> str | None:
    return None if instant is None else to_second_text(instant)
