"""What follows a commit: answers, wakes for tasks nobody took, and moments to remember."""

from dataclasses import dataclass, field
from typing import Any

from durable_server.advance.batch import Batch, channel_of
from durable_server.engine.query_task import QueryTask
from durable_server.engine.run_state import Message
from durable_server.engine.schedule_state import ScheduleDecision
from durable_server.matching.channels import Channel


@dataclass
class Aftermath:
    """What a batch tells the rest of the server once it has committed."""

    backlog: set[Channel] = field(default_factory=set)
    freed: set[Channel] = field(default_factory=set)
    later: list[tuple[Channel, int]] = field(default_factory=list)
    runs: set[str] = field(default_factory=set)
    due: dict[str, int] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)

    def note(self, kind: str, due_at: int | None) -> None:
        """Remember the earliest moment at which a pass has something to do."""
        if due_at is not None and due_at < self.due.get(kind, due_at + 1):
            self.due[kind] = due_at


def aftermath_of(batch: Batch) -> Aftermath:
    """What the decisions of a batch leave behind for pollers, watchers and passes."""
    after = Aftermath()
    for decision in batch.decisions:
        # Whoever waits for an update is told of it, too, when no event does.
        if decision.events or decision.updates:
            after.runs.add(decision.state.run.run_id)
        if decision.new_run:
            after.note("run_timeouts", decision.state.run.deadline_at)
        for activity in decision.activities.values():
            after.note("activity_timeouts", activity.due_at)
        for timer in decision.timers.values():
            if timer.status == "pending":
                after.note("timers", timer.fire_at)
        for message in decision.messages:
            after.messages.append(message)
            after.note("messages", message.due_at)
        for task_id in decision.tasks:
            _note_task(after, batch, task_id)
    for task in batch.queries.values():
        _note_query(after, task)
    for changed in batch.schedules:
        _note_schedule(after, changed)
    return after


def _note_task(after: Aftermath, batch: Batch, task_id: str) -> None:
    """Judge a task by how the whole batch left it."""
    task = batch.loaded.states[batch.loaded.run_of[task_id]].tasks[task_id]
    if task.status == "leased":
        after.note("task_leases", task.lease_expires_at)
    elif task.status == "ready" and task.available_at > batch.moment.now:
        after.later.append((channel_of(task), task.available_at))
    elif task.status == "ready":
        after.backlog.add(channel_of(task))
    elif batch.admission is not None and batch.admission.limited(channel_of(task)) is not None:
        # Where few may be out at once, another one may go.
        after.freed.add(channel_of(task))


def _note_query(after: Aftermath, task: QueryTask) -> None:
    """Wake workers for a query that nobody holds, and askers for one that is answered."""
    channel = Channel(task.namespace, task.task_queue, "query")
    if task.status == "ready":
        after.backlog.add(channel)
    elif task.status == "leased" and (task.lease_expires_at or 0) < task.deadline_at:
        after.later.append((channel, task.lease_expires_at or 0))
    elif task.answered:
        after.runs.add(task.query_task_id)


def _note_schedule(after: Aftermath, decision: ScheduleDecision) -> None:
    """Have it fire in time, here or elsewhere, and deliver what it tells runs."""
    schedule = decision.schedule
    if schedule.status == "active":
        after.note("schedules", schedule.due_at)
        # Whoever runs the passes in another process hears of it by this.
        after.runs.add(schedule.uid)
    for message in decision.messages:
        after.messages.append(message)
        after.note("messages", message.due_at)


def announce(after: Aftermath, around: Any) -> None:
    """Wake whoever waits, here and on other nodes; called after the commit only."""
    matcher, wakes, agenda = around.matcher, around.wakes, around.agenda
    for channel in after.backlog:
        matcher.backlog(channel)
    for channel in after.freed:
        matcher.backlog_beside(channel)
    for channel, available_at in after.later:
        matcher.backlog_at(channel, available_at)
    for kind, due_at in after.due.items():
        agenda.note(kind, due_at)
    if after.backlog or after.freed or after.runs:
        wakes.publish(after.backlog | after.freed, after.runs)
    if after.messages:
        around.deliver(after.messages)
