"""Cancelling and terminating a run: one mechanism, two names for the outcome.

The run closes at once, in the transaction of the request, whoever holds its tasks. Workflow code is
not run any more; workers learn that they should stop from their next report or heartbeat.
"""

from typing import Any, NamedTuple

from durable_server.engine import client_request, closing, inbox, steps
from durable_server.engine.client_request import ClientRequest
from durable_server.engine.decision import Decision, Draft, Moment
from durable_server.engine.run_state import RunState


class Stop(NamedTuple):
    """How a run is stopped: the status that it gets, and what its events are called."""

    status: str
    requested: str
    stopped: str


CANCEL = Stop("cancelled", "CancelRequested", "WorkflowCancelled")
TERMINATE = Stop("terminated", "TerminateRequested", "WorkflowTerminated")
_STOPS = {"cancel": CANCEL, "terminate": TERMINATE}


def stop(state: RunState | None, moment: Moment, request: ClientRequest) -> Decision:
    """Cancel or terminate the current run of a workflow, as the request's kind says.

    All open work of the run and every held result are at hand. A closed run is refused.
    """
    found = client_request.open_run(state, request)
    how = _STOPS[request.kind]
    draft = Draft(found, moment)
    # What was taken in before stands in the history before the request.
    steps.record_held(draft)
    inbox.let_in(draft)
    accepted = client_request.accept(draft, request, how.status)
    identity = client_request.identity(draft.run, accepted)
    reason = {} if request.reason is None else {"reason": request.reason}
    draft.command_id = accepted.command_id
    asked = {**identity, "command_type": request.kind, **reason, "command": accepted.command}
    draft.append(how.requested, asked)
    closing.cancel_open_work(draft)
    closing.close_run(draft, how.status, how.status)
    end = {**identity, **_end(draft, how, request.reason), **reason}
    draft.append(how.stopped, end)
    closing.conclude(draft, end)
    return draft.done(client_request.answer(draft.run, accepted, how.status, request.reason))


def _end(draft: Draft, how: Stop, reason: str | None) -> dict[str, Any]:
    message = f"Workflow {how.status}." if reason is None else f"Workflow {how.status}: {reason}"
    return {
        "failure_id": draft.new_id(),
        "failure_category": how.status,
        "closed_reason": how.status,
        "exception_class": how.stopped,
        "exception_type": how.stopped,
        "message": message,
    }
