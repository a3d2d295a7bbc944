"""The decisions of one transaction, the leases handed out with them, and who is to be answered."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from durable_server.advance.admission import Ledger
from durable_server.advance.loaded import Key, Loaded
from durable_server.engine import activity_task, update, update_validation, workflow_task
from durable_server.engine.decision import Decision, Moment
from durable_server.engine.query_task import QueryTask
from durable_server.engine.run_state import Event, Run, RunState, Task
from durable_server.engine.schedule_state import ScheduleDecision
from durable_server.engine.tasks import Holder
from durable_server.matching.admission import Admission
from durable_server.matching.channels import Channel, Poll
from durable_server.pending import Pending

Answer = tuple[Pending, Any, BaseException | None]


class Handed(NamedTuple):
    """A task that was leased to a poll in this transaction."""

    poll: Poll
    task_id: str
    run: Run


@dataclass
class Batch:
    """What one transaction decides and owes. The first `handed_over` of those handed were new."""

    moment: Moment
    loaded: Loaded
    matcher: Any
    decisions: list[Decision] = field(default_factory=list)
    events: dict[Key, list[Event]] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    handed: list[Handed] = field(default_factory=list)
    handed_over: int = 0
    taken: list[Poll] = field(default_factory=list)
    claims: list[Callable[[], None]] = field(default_factory=list)
    queries: dict[Key, QueryTask] = field(default_factory=dict)
    schedules: list[ScheduleDecision] = field(default_factory=list)
    admission: Admission | None = None
    ledger: Ledger | None = None

    def add(self, decision: Decision) -> None:
        """Take a decision in, and hand the tasks it makes ready to parked polls."""
        for each in (decision, *decision.further):
            key = self._keep(each)
            for task in each.tasks.values():
                if task.status == "ready" and task.available_at <= self.moment.now:
                    self._offer(key, task)

    def _keep(self, decision: Decision) -> Key:
        self.decisions.append(decision)
        key = self.loaded.keep(decision)
        if decision.events:
            self.events.setdefault(key, []).extend(decision.events)
        return key

    def _offer(self, key: Key, task: Task) -> None:
        channel = channel_of(task)
        if self.admission is not None and self.admission.limited(channel) is not None:
            # Only a claim counts what is out.
            return
        poll = self.matcher.take(channel, task.type_name, task.build_id)
        if poll is not None and not self.lease(key, task.task_id, poll):
            self.taken.remove(poll)
            self.matcher.give_back(poll)

    def lease(self, key: Key, task_id: str, poll: Poll) -> bool:
        """Lease a task to a poll that was taken for it; False when the task is not to be had."""
        self.taken.append(poll)
        worker = poll.worker
        holder = Holder(worker.worker_id, worker.sdk_version, worker.framing, poll.poll_request_id)
        decision = decide_lease(self.loaded.states[key], self.moment, task_id, holder)
        if decision is None:
            return False
        self._keep(decision)
        self.handed.append(Handed(poll, task_id, decision.state.run))
        return True

    def task_of(self, handed: Handed) -> Task:
        """The task as it stands at the end of the transaction."""
        return self.loaded.states[(handed.run.shard, handed.run.run_id)].tasks[handed.task_id]

    def events_of(self, key: Key) -> list[Event]:
        """The events that this transaction adds to a run."""
        return self.events.get(key, [])


def channel_of(task: Task) -> Channel:
    """The channel that polls for this task are parked on."""
    return Channel(task.namespace, task.task_queue, task.kind)


def decide_lease(state: RunState, moment: Moment, task_id: str, holder: Holder) -> Decision | None:
    """Hand a ready task to a worker; None when it is no longer there to be had."""
    task = state.tasks.get(task_id)
    if task is None or task.status != "ready" or task.available_at > moment.now or state.run.closed:
        return None
    if task.kind == "workflow":
        return workflow_task.lease(state, moment, task, holder)
    if task.kind == update.JUDGED:
        return update_validation.lease(state, moment, task, holder)
    return activity_task.lease(state, moment, task, holder)
