"""What a client asks of a workflow: whom it addresses, who asks, and what it is answered.

Cancellations, terminations, repairs, archivings, signals and updates are requests of this kind. One
that is refused leaves no trace. One that is accepted takes the next number of its run, and the
first event that it causes tells who asked, how and from where.
"""

from typing import Any, NamedTuple

from durable_server.clock import to_micro_text
from durable_server.engine.decision import Draft
from durable_server.engine.run_state import Run, RunState
from durable_server.refusal import Refusal


class ClientRequest(NamedTuple):
    """`kind` names it on the wire: cancel, terminate, repair, archive, signal, update.

    `wanted_run_id`: the run that the path names, if it names one. `reason`: why, in the caller's
    words. `attribution`: who asks, how and from where.
    """

    kind: str
    workflow_id: str
    wanted_run_id: str | None
    reason: str | None
    attribution: dict[str, Any]


class Accepted(NamedTuple):
    """An accepted request: its id, its number within the run, and what events tell of it."""

    command_id: str
    sequence: int
    command: dict[str, Any]


def addressed(state: RunState | None, request: ClientRequest) -> RunState:
    """The state of the workflow's current run; refuses when a path names another run."""
    if state is None:
        raise Refusal("instance_not_found", workflow_id=request.workflow_id)
    if request.wanted_run_id not in (None, state.run.run_id):
        raise Refusal(
            "historical_run_command_rejected",
            workflow_id=request.workflow_id,
            run_id=request.wanted_run_id,
            target_scope="run",
        )
    return state


def open_run(state: RunState | None, request: ClientRequest, **facts: Any) -> RunState:
    """The state of the workflow's current run, which must be open."""
    found = addressed(state, request)
    if found.run.closed:
        raise Refusal("run_not_active", **rejected(found.run, "run_not_active"), **facts)
    return found


OUTCOMES = {
    "run_not_active": "rejected_not_active",
    "run_not_closed": "rejected_run_not_closed",
    "unknown_signal": "rejected_unknown_signal",
    "invalid_signal_arguments": "rejected_invalid_arguments",
}


def rejected(run: Run, reason: str) -> dict[str, Any]:
    """The facts of a refusal; without id and number, as what is refused is not recorded."""
    return {**target_of(run), **rejection(reason)}


def rejection(reason: str) -> dict[str, Any]:
    """The part of that which is the same for every run."""
    return {
        "command_id": None,
        "command_sequence": None,
        "command_status": "rejected",
        "outcome": OUTCOMES.get(reason),
        "rejection_reason": reason,
        "validation_errors": {},
    }


def accept(draft: Draft, request: ClientRequest, outcome: str | None) -> Accepted:
    """Take a request in: its id, its number, and what the events that it causes tell of it."""
    command_id, sequence = draft.new_id(), draft.take_command()
    recorded = {
        "id": command_id,
        "sequence": sequence,
        "type": request.kind,
        "target_scope": "instance",
        "resolved_run_id": draft.run.run_id,
        "source": "control_plane",
        **request.attribution,
        "status": "accepted",
        "outcome": outcome,
        "accepted_at": to_micro_text(draft.now),
    }
    command = {name: value for name, value in recorded.items() if value is not None}
    return Accepted(command_id, sequence, command)


def answer(run: Run, accepted: Accepted, outcome: str | None, reason: str | None) -> dict[str, Any]:
    """What every accepted request is answered."""
    return {
        **target_of(run),
        "command_id": accepted.command_id,
        "command_sequence": accepted.sequence,
        "command_status": "accepted",
        "outcome": outcome,
        "reason": reason,
        "rejection_reason": None,
        "validation_errors": {},
    }


def identity(run: Run, accepted: Accepted) -> dict[str, Any]:
    """The ids that events of a request carry."""
    return {
        "workflow_command_id": accepted.command_id,
        "workflow_instance_id": run.workflow_id,
        "workflow_run_id": run.run_id,
    }


def target_of(run: Run) -> dict[str, Any]:
    """Which run a request is about."""
    return {
        "workflow_id": run.workflow_id,
        "run_id": run.run_id,
        "requested_run_id": None,
        "resolved_run_id": run.run_id,
        "target_scope": "instance",
        "workflow_type": run.workflow_type,
        "command_source": "control_plane",
    }
