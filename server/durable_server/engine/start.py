"""Starting a workflow: a new run with its first two events and its first workflow task.

A workflow id is used once. Starting it again answers with the open run (`use-existing`) or is
refused; neither leaves a trace in the history of the run that holds the id.
"""

from typing import Any, NamedTuple

import orjson

from durable_server.clock import SECOND, to_micro_text, to_second_text
from durable_server.engine.decision import Decision, Draft, Moment
from durable_server.engine.resume import resume_run
from durable_server.engine.run_state import (
    Payload,
    Run,
    RunDetails,
    RunState,
    Workflow,
)
from durable_server.refusal import Refusal, invalid


class Start(NamedTuple):
    """What a client asks to start. memo, search_attributes: JSON text. `command`: attribution.

    The run id is made with the request, so that carrying it out again after a lost connection
    recognises its own run.
    """

    shard: int
    run_id: str
    namespace: str
    workflow_id: str
    workflow_type: str
    task_queue: str
    input: Payload
    build_id: str | None
    business_key: str | None
    memo: str | None
    search_attributes: str | None
    duplicate_policy: str
    execution_timeout_seconds: int | None
    run_timeout_seconds: int | None
    command: dict[str, Any]


def start(wanted: Start, moment: Moment) -> Decision:
    """A new workflow with its first run."""
    command_id = moment.new_id(wanted.shard)
    run = _new_run(wanted, moment)
    draft = Draft(RunState(run), moment)
    run = draft.run
    identity = {
        "workflow_command_id": command_id,
        "workflow_instance_id": run.workflow_id,
        "workflow_run_id": run.run_id,
        "workflow_class": run.workflow_type,
        "workflow_type": run.workflow_type,
    }
    attributes = {
        "business_key": wanted.business_key,
        "visibility_labels": None,
        "memo": orjson.Fragment(wanted.memo or b"{}"),
        "search_attributes": orjson.Fragment(wanted.search_attributes or b"null"),
    }
    accepted = {
        **identity,
        **attributes,
        "outcome": "started_new",
        "command": _command(wanted, run, command_id, moment.now),
    }
    draft.append("StartAccepted", orjson.dumps(accepted), command_id=command_id)
    draft.append(
        "WorkflowStarted",
        orjson.dumps({**identity, **_started(wanted, run, moment.now)}),
        command_id=command_id,
    )
    resume_run(draft, {})
    workflow = Workflow(
        wanted.shard,
        wanted.namespace,
        wanted.workflow_id,
        wanted.workflow_type,
        run.run_id,
        1,
        moment.now,
    )
    details = RunDetails(
        wanted.shard, run.run_id, wanted.input, None, wanted.memo, wanted.search_attributes
    )
    draft.set_new(workflow, details)
    return draft.done(_answer(run, "started_new"))


def start_again(wanted: Start, state: RunState, moment: Moment) -> Decision:
    """The id is taken: answer with the open run, or refuse."""
    workflow = state.workflow
    assert workflow is not None
    if workflow.workflow_type != wanted.workflow_type:
        text = (
            f"Workflow instance [{wanted.workflow_id}] is reserved for durable type "
            f"[{workflow.workflow_type}] and cannot be reused for [{wanted.workflow_type}]."
        )
        raise invalid({"workflow_type": [text]})
    run = state.run
    if run.run_id == wanted.run_id:
        return Draft(state, moment).done(_answer(run, "started_new"))
    if wanted.duplicate_policy == "use-existing" and not run.closed:
        return Draft(state, moment).done(_answer(run, "returned_existing_active"))
    raise Refusal("duplicate_not_allowed", **_answer(run, "rejected_duplicate"))


def _new_run(wanted: Start, moment: Moment) -> Run:
    execution = _deadline(moment.now, wanted.execution_timeout_seconds)
    run = _deadline(moment.now, wanted.run_timeout_seconds)
    return Run(
        shard=wanted.shard,
        run_id=wanted.run_id,
        namespace=wanted.namespace,
        workflow_id=wanted.workflow_id,
        run_number=1,
        workflow_type=wanted.workflow_type,
        task_queue=wanted.task_queue,
        build_id=wanted.build_id,
        status="pending",
        closed_reason=None,
        business_key=wanted.business_key,
        payload_codec=wanted.input.codec,
        framing=None,
        sdk_version=None,
        execution_timeout_seconds=wanted.execution_timeout_seconds,
        run_timeout_seconds=wanted.run_timeout_seconds,
        execution_deadline_at=execution,
        run_deadline_at=run,
        deadline_at=min((at for at in (execution, run) if at is not None), default=None),
        started_at=moment.now,
        closed_at=None,
        last_progress_at=moment.now,
        last_sequence=0,
        history_bytes=0,
        next_step=1,
        open_activities=0,
        open_timers=0,
        task_id=None,
        task_leased=False,
        wake_requested=False,
        command_count=1,
    )


def _started(wanted: Start, run: Run, now: int) -> dict[str, Any]:
    """The part of WorkflowStarted that is not identity; absent rather than null."""
    fields: dict[str, Any] = {"timestamp": to_micro_text(now), "payload_codec": run.codec_name}
    optional = {
        "business_key": wanted.business_key,
        "memo": orjson.Fragment(wanted.memo) if wanted.memo else None,
        "search_attributes": orjson.Fragment(wanted.search_attributes)
        if wanted.search_attributes
        else None,
        "execution_timeout_seconds": run.execution_timeout_seconds,
        "run_timeout_seconds": run.run_timeout_seconds,
        "execution_deadline_at": _second_text(run.execution_deadline_at),
        "run_deadline_at": _second_text(run.run_deadline_at),
    }
    fields.update((name, value) for name, value in optional.items() if value is not None)
    return fields


def _command(wanted: Start, run: Run, command_id: str, now: int) -> dict[str, Any]:
    instant = to_micro_text(now)
    return {
        "id": command_id,
        "sequence": 1,
        "type": "start",
        "target_scope": "instance",
        "resolved_run_id": run.run_id,
        "payload_codec": run.codec_name,
        "source": "control_plane",
        **wanted.command,
        "status": "accepted",
        "outcome": "started_new",
        "accepted_at": instant,
        "applied_at": instant,
    }


def _answer(run: Run, outcome: str) -> dict[str, Any]:
    return {
        "workflow_id": run.workflow_id,
        "run_id": run.run_id,
        "workflow_type": run.workflow_type,
        "namespace": run.namespace,
        "status": run.status,
        "business_key": run.business_key,
        "payload_codec": run.codec_name,
        "outcome": outcome,
    }


def _deadline(now: int, seconds: int | None) -> int | None:
    return None if seconds is None else now + seconds * SECOND


def _second_text(instant: int | None) -> str | None:
    return None if instant is None else to_second_text(instant)
