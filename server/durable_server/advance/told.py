"""What a committed batch did, as those who measure are told it."""

from durable_server.advance.batch import Batch
from durable_server.clock import SECOND
from durable_server.engine.run_state import Event
from durable_server.observer import Carried, Handed

_CLOSED_BY = {
    "WorkflowCompleted": "completed",
    "WorkflowFailed": "failed",
    "WorkflowCancelled": "cancelled",
    "WorkflowTerminated": "terminated",
    "WorkflowTimedOut": "timed_out",
    "WorkflowContinuedAsNew": "continued_as_new",
}


def told_of(batch: Batch, lane: str, items: int, seconds: float) -> Carried:
    """The facts of a batch that took so many seconds from its begin to its commit."""
    now = batch.moment.now
    started: list[str] = []
    closed: list[tuple[str, str]] = []
    late: list[float] = []
    for decision in batch.decisions:
        run = decision.state.run
        if decision.new_run:
            started.append(run.namespace)
        if run.closed:
            closed.extend((run.namespace, how) for how in _closings(decision.events))
        late.extend(
            max(now - timer.fire_at, 0) / SECOND
            for timer in decision.timers.values()
            if timer.status == "fired"
        )
    return Carried(lane, items, seconds, started, closed, _handed(batch), late, batch.answers)


def _closings(events: list[Event]) -> list[str]:
    return [_CLOSED_BY[each.event_type] for each in events if each.event_type in _CLOSED_BY]


def _handed(batch: Batch) -> list[Handed]:
    now = batch.moment.now
    found = []
    for number, handed in enumerate(batch.handed):
        task = batch.task_of(handed)
        how = "handed_over" if number < batch.handed_over else "claimed"
        waited = max(now - task.available_at, 0) / SECOND
        found.append(Handed(task.namespace, task.task_queue, task.kind, how, waited))
    return found
