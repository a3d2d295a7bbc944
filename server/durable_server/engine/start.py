"""Starting a workflow: a new run with its first two events and its first workflow task.

A workflow id is used once. Starting it again answers with the open run (`use-existing`) or is
refused; neither leaves a trace in the history of the run that holds the id.
"""

from typing import Any, NamedTuple

import orjson

from durable_server.clock import to_micro_text
from durable_server.engine import new_run
from durable_server.engine.decision import Decision, Draft, Moment
from durable_server.engine.new_run import NewRun
from durable_server.engine.run_state import Payload, Run, RunState, Workflow
from durable_server.refusal import Refusal, invalid


class Start(NamedTuple):
    """What a client asks to start. memo, search_attributes: JSON text. `command`: attribution.

    The run id is made with the request, so that carrying it out again after a lost connection
    recognises its own run. `parent`: who is told of the run's end, as `Run.parent` keeps it.
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
    parent: str | None = None
    trace: str | None = None


def start(wanted: Start, moment: Moment) -> Decision:
    """A new workflow with its first run."""
    draft = begin(wanted, moment, None)
    return draft.done(_answer(draft.run, "started_new"))


def begin(wanted: Start, moment: Moment, holder: Workflow | None) -> Draft:
    """A draft of the first run of a workflow, or of the next one where `holder` has had others."""
    new = _new_run(wanted, moment.now, 1 if holder is None else holder.run_count + 1)
    draft = new_run.draft_of(new, moment)
    run = draft.run
    draft.take_command()
    draft.command_id = draft.new_id()
    accepted = {
        "workflow_command_id": draft.command_id,
        **new_run.identity_of(run),
        "business_key": wanted.business_key,
        "visibility_labels": None,
        "memo": orjson.Fragment(wanted.memo or b"{}"),
        "search_attributes": orjson.Fragment(wanted.search_attributes or b"null"),
        "outcome": "started_new",
        "command": _command(wanted, run, draft.command_id, moment.now),
    }
    draft.append("StartAccepted", orjson.dumps(accepted))
    new_run.begin(draft, new, holder, {"workflow_command_id": draft.command_id})
    return draft


def start_again(wanted: Start, state: RunState, moment: Moment) -> Decision:
    """The id is taken: answer with the open run, or refuse."""
    check_type(wanted, state)
    run = state.run
    if run.run_id == wanted.run_id:
        return Draft(state, moment).done(_answer(run, "started_new"))
    if wanted.duplicate_policy == "use-existing" and not run.closed:
        return Draft(state, moment).done(_answer(run, "returned_existing_active"))
    raise Refusal("duplicate_not_allowed", **_answer(run, "rejected_duplicate"))


def check_type(wanted: Start, state: RunState) -> None:
    """Refuse another type than that for which the workflow id is kept."""
    workflow = state.workflow
    assert workflow is not None
    if workflow.workflow_type != wanted.workflow_type:
        text = (
            f"Workflow instance [{wanted.workflow_id}] is reserved for durable type "
            f"[{workflow.workflow_type}] and cannot be reused for [{wanted.workflow_type}]."
        )
        raise invalid({"workflow_type": [text]})


def _new_run(wanted: Start, now: int, run_number: int) -> NewRun:
    return NewRun(
        shard=wanted.shard,
        run_id=wanted.run_id,
        namespace=wanted.namespace,
        workflow_id=wanted.workflow_id,
        run_number=run_number,
        workflow_type=wanted.workflow_type,
        task_queue=wanted.task_queue,
        input=wanted.input,
        build_id=wanted.build_id,
        business_key=wanted.business_key,
        memo=wanted.memo,
        search_attributes=wanted.search_attributes,
        execution_timeout_seconds=wanted.execution_timeout_seconds,
        run_timeout_seconds=wanted.run_timeout_seconds,
        execution_deadline_at=new_run.deadline(now, wanted.execution_timeout_seconds),
        parent=wanted.parent,
        trace=wanted.trace,
    )


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
