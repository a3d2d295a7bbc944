"""Continuing as new: the run ends, and its workflow goes on in another run with a new history.

The next run keeps the workflow id, what the run carries and its execution deadline; its run
deadline begins anew. Children that are still open stay with the run that asked for them, and are
left alone. What clients have told the workflow and it has not used yet goes along.
"""

from typing import Any, Protocol

from durable_server.engine import (
    closing,
    message_streams,
    new_run,
    parent,
    signal_events,
    update_events,
)
from durable_server.engine.decision import Draft
from durable_server.engine.run_state import Payload


class Wish(Protocol):
    """What the next run begins with; None where it is that of this run."""

    @property
    def workflow_type(self) -> str | None: ...
    @property
    def arguments(self) -> Payload | None: ...
    @property
    def queue(self) -> str | None: ...
    @property
    def trace(self) -> str | None: ...


def continue_as_new(draft: Draft, wish: Wish) -> str:
    """Close the run as continued and begin the next one; returns the id of its first task."""
    run, holder = draft.run, draft.workflow
    link_id = draft.new_id()
    new = new_run.next_of(draft)
    new = new._replace(
        workflow_type=wish.workflow_type or new.workflow_type,
        task_queue=wish.queue or new.task_queue,
        input=new.input if wish.arguments is None else wish.arguments,
        trace=wish.trace or new.trace,
    )
    told: dict[str, Any] = {"continued_from_run_id": run.run_id}
    family = parent.parent_of(run.parent)
    if family is not None:
        told.update(family.told())
    told["workflow_link_id"] = link_id
    next_run = new_run.draft_of(new, draft.moment)
    new_run.begin(next_run, new, holder, told)
    message_streams.hand_over(draft, next_run)
    signal_events.hand_over(draft, next_run)
    closing.close_run(draft, "completed", "continued")
    draft.append(
        "WorkflowContinuedAsNew",
        {
            "sequence": draft.take_step(),
            "continued_to_run_id": new.run_id,
            "continued_to_run_number": new.run_number,
            "workflow_link_id": link_id,
            "closed_reason": "continued",
        },
    )
    if family is not None:
        parent.tell_next_run(draft, next_run, family)
    update_events.hand_over(draft, next_run)
    draft.follow(next_run.done())
    assert next_run.run.task_id is not None
    return next_run.run.task_id
