"""Updates: taken in, carried out by a worker, and over once their run is.

A run takes in updates as they come. One that comes while a workflow task is leased waits for the
end of that task, since its worker decides on the history that it was given. The task of an update
does nothing else: its worker replays the run, carries the update out, and finishes it with one
command. Whatever the update changed, workflow code looks at in the task that follows.
"""

from typing import Any, NamedTuple

import orjson

from durable_server import payloads
from durable_server.engine import bounds, client_request
from durable_server.engine.client_request import ClientRequest
from durable_server.engine.decision import Decision, Draft, Moment
from durable_server.engine.resume import new_task, resume_run
from durable_server.engine.run_state import Payload, RunState, Task, Update
from durable_server.engine.update_events import OPEN, VALIDATING, append, arguments_of, record
from durable_server.refusal import Refusal

# The kind of task in which a worker judges an update; its id is that of the update.
JUDGED = "update_validation"
OUTCOMES = {
    "unknown_update": "rejected_unknown_update",
    "invalid_update_arguments": "rejected_invalid_arguments",
    "update_completed": "update_completed",
    "update_failed": "update_failed",
}


class Rejection(NamedTuple):
    """Why an update is rejected, which is recorded, and what is wrong with its arguments."""

    reason: str
    errors: dict[str, list[str]]


class Wanted(NamedTuple):
    """The update that a client asks for; `arguments` may be a plain list that is to be encoded.

    `validated`: a worker must approve it before it is accepted; `has_judge`: one runs that could.
    """

    request: ClientRequest
    name: str
    arguments: Payload | None
    request_id: str | None
    rejection: Rejection | None = None
    validated: bool = False
    has_judge: bool = True
    trace: str | None = None


class Receipt(NamedTuple):
    """The update as it stands, and whether an earlier request asked for it already."""

    update: Update
    workflow_type: str
    retained: bool


def accept(state: RunState | None, moment: Moment, wanted: Wanted) -> Decision:
    """Take an update in, or tell of the one that had its request id."""
    found, request = client_request.addressed(state, wanted.request), wanted.request
    retained = _retained(found, wanted)
    if retained is not None:
        receipt = Receipt(retained, found.run.workflow_type, True)
        return Draft(found, moment).done(receipt)
    client_request.open_run(found, request, **facts_of(wanted))
    if wanted.validated and not wanted.has_judge:
        told = {"workflow_id": found.run.workflow_id, **facts_of(wanted), "retryable": True}
        raise Refusal("update_validator_worker_unavailable", **told)
    draft = Draft(found, moment)
    update = new(draft, wanted)
    if wanted.rejection is not None:
        _reject(draft, update, wanted.rejection)
    elif wanted.validated:
        _ask_for_judgement(draft, update)
    else:
        draft.run.open_updates += 1
        take_in(draft, update, new=True)
    kept = next(each for each in draft.updates() if each.update_id == update.update_id)
    return draft.done(Receipt(kept, draft.run.workflow_type, False))


def new(draft: Draft, wanted: Wanted) -> Update:
    """The row of an update that is asked for, within the bounds of its run."""
    run, facts = draft.run, {"workflow_id": draft.run.workflow_id, **facts_of(wanted)}
    bounds.keep(draft, "pending_update_count", run.open_updates, run.open_updates + 1, **facts)
    arguments = wanted.arguments
    if arguments is not None:
        # Plain ones wait for the first worker of the run, as those of its start do.
        arguments = payloads.render(arguments, run.framing) if run.framing else arguments
        bounds.keep(draft, "payload_size", 0, len(arguments.blob), **facts)
    accepted = client_request.accept(draft, wanted.request, None)
    return Update(
        shard=run.shard,
        update_id=draft.new_id(),
        run_id=run.run_id,
        namespace=run.namespace,
        workflow_id=run.workflow_id,
        command_id=accepted.command_id,
        command_sequence=accepted.sequence,
        name=wanted.name,
        codec=None if arguments is None else arguments.codec,
        arguments=None if arguments is None else arguments.blob,
        request_id=wanted.request_id,
        scope="instance" if wanted.request.wanted_run_id is None else "run",
        status=OPEN,
        recorded=False,
        step=None,
        result_codec=None,
        result=None,
        failure=None,
        command=orjson.dumps({**accepted.command, "target_name": wanted.name}).decode(),
        accepted_at=draft.now,
        closed_at=None,
        trace=wanted.trace,
    )


def facts_of(wanted: Wanted) -> dict[str, Any]:
    """What a refusal tells of the update that was asked for."""
    return {"update_name": wanted.name, "update_id": None, "update_status": "rejected"}


def take_in(draft: Draft, update: Update, *, new: bool) -> None:
    """An update is accepted: record it, or hold it until the leased task ends."""
    run = draft.run
    draft.put_update(update, new=new)
    if run.task_leased:
        run.held_messages += 1
        return
    record(draft, update)
    if run.task_id is None:
        resume_run(draft, context(update))
    else:
        _merge(draft, update)


def update_of(task: Task) -> str | None:
    """The update that a task is for, if it is for one."""
    update_id = orjson.loads(task.resume).get("workflow_update_id") if task.resume else None
    return update_id if isinstance(update_id, str) else None


def context(update: Update) -> dict[str, Any]:
    """Why the task of an update exists."""
    return {
        "workflow_wait_kind": "update",
        "open_wait_id": f"update:{update.update_id}",
        "resume_source_kind": "workflow_update",
        "resume_source_id": update.update_id,
        "workflow_update_id": update.update_id,
        "workflow_command_id": update.command_id,
        **({} if update.trace is None else {"trace": update.trace}),
    }


def _ask_for_judgement(draft: Draft, update: Update) -> None:
    """Have a worker judge the update first. Nothing is recorded, and so nothing is held back."""
    run = draft.run
    run.open_updates += 1
    draft.put_update(update._replace(status=VALIDATING, recorded=True), new=True)
    task = new_task(draft, update.update_id, JUDGED, run.workflow_type, run.task_queue)
    draft.put_task(task._replace(build_id=run.build_id), new=True)


def _reject(draft: Draft, update: Update, rejection: Rejection) -> None:
    """Record that the update is not carried out; no replay looks at that, so at once."""
    command = orjson.loads(update.command or "{}")
    accepted_at = command.pop("accepted_at", None)
    command |= {
        "status": "rejected",
        "outcome": OUTCOMES[rejection.reason],
        "rejection_reason": rejection.reason,
        "rejected_at": accepted_at,
    }
    rejected = update._replace(
        status="rejected",
        recorded=True,
        command=orjson.dumps(command).decode(),
        failure=orjson.dumps(rejection._asdict()).decode(),
        closed_at=draft.now,
    )
    draft.put_update(rejected, new=True)
    errors = {"validation_errors": rejection.errors} if rejection.errors else {}
    append(draft, rejected, "UpdateRejected", {**arguments_of(draft, rejected), **errors})


def _retained(state: RunState, wanted: Wanted) -> Update | None:
    """The update that was asked for with this request id, in this batch or earlier."""
    if wanted.request_id is None:
        return None
    known = state.requests.get(("update", wanted.request_id))
    if isinstance(known, Update):
        known = state.updates.get(known.update_id, known)
    for update in state.updates.values():
        if update.request_id == wanted.request_id:
            known = update
    if not isinstance(known, Update) or known.request_id != wanted.request_id:
        return None
    asked = orjson.loads(known.command or "{}").get("request_fingerprint")
    if asked != wanted.request.attribution.get("request_fingerprint"):
        raise Refusal(
            "request_id_conflict",
            workflow_id=known.workflow_id,
            run_id=known.run_id,
            command_id=known.command_id,
            update_id=known.update_id,
            update_name=known.name,
            request_id=wanted.request_id,
            retained_command_type="update",
        )
    return known


def _merge(draft: Draft, update: Update) -> None:
    """A ready task that has no reason of its own becomes the task of the update.

    Not the first one, in which workflow code reaches its first wait: an update that is carried out
    before that could not be told apart from one that came later. Nor one that a signal may need.
    """
    run = draft.run
    task = draft.task(run.task_id or "")
    if task.resume is None and run.status == "waiting" and not run.open_signals:
        draft.put_task(task._replace(resume=orjson.dumps(context(update)).decode()))
