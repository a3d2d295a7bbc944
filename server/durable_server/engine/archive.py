"""Archiving: a mark on a closed run that keeps it from being removed with age."""

from durable_server.engine import client_request
from durable_server.engine.client_request import ClientRequest
from durable_server.engine.decision import Decision, Draft, Moment
from durable_server.engine.run_state import RunState
from durable_server.refusal import Refusal


def archive(state: RunState | None, moment: Moment, request: ClientRequest) -> Decision:
    """Mark the current run of a workflow as archived; again changes nothing."""
    found = client_request.addressed(state, request)
    if not found.run.closed:
        raise Refusal("run_not_closed", **client_request.rejected(found.run, "run_not_closed"))
    draft = Draft(found, moment)
    # Of a run that retention has removed nothing is left that could be kept.
    kept = found.run.archived_at is None and found.run.pruned_at is None
    outcome = "archived" if kept else "archive_not_needed"
    accepted = client_request.accept(draft, request, outcome)
    if outcome == "archived":
        draft.run.archived_at = moment.now
        draft.command_id = accepted.command_id
        identity = client_request.identity(draft.run, accepted)
        reason = {} if request.reason is None else {"reason": request.reason}
        draft.append(
            "ArchiveRequested",
            {
                **identity,
                "command_type": request.kind,
                "outcome": outcome,
                **reason,
                "command": accepted.command,
            },
        )
        draft.append(
            "WorkflowArchived",
            {**identity, "archive_command_id": accepted.command_id, **reason},
        )
    return draft.done(client_request.answer(draft.run, accepted, outcome, request.reason))
