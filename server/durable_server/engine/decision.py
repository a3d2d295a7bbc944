"""What the engine wants written, and the draft in which a decision takes shape.

A decision is values only. `advance` writes it, answers with `answer`, and wakes whoever waits.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson

from durable_server.clock import SECOND
from durable_server.engine.limits import Limits
from durable_server.engine.run_state import (
    Activity,
    Child,
    Event,
    Message,
    Payload,
    Run,
    RunDetails,
    RunState,
    Signal,
    Task,
    Timer,
    Update,
    Workflow,
)

# A message is delivered right after its commit; what then is still there, a pass delivers.
DELIVERY_SECONDS = 5


def new_message(
    message_id: str,
    kind: str,
    sender: tuple[int, str],
    receiver: tuple[int, str],
    body: dict[str, Any],
    now: int,
) -> Message:
    """A message that is on its way from now on; sender and receiver: shard, and id of the run."""
    return Message(
        shard=sender[0],
        message_id=message_id,
        sender_run_id=sender[1],
        kind=kind,
        to_shard=receiver[0],
        to_run_id=receiver[1],
        body=orjson.dumps(body).decode(),
        created_at=now,
        due_at=now + DELIVERY_SECONDS * SECOND,
    )


@dataclass(slots=True)
class Moment:
    """What a decision may know besides the state: the instant, new ids, the limits in force."""

    now: int
    new_id: Callable[[int], str]
    limits: Limits


@dataclass(slots=True)
class Decision:
    """What to write and what to answer. Lists hold each changed row once, as it is to be stored.

    `further` are decisions about other runs of the same workflow that belong to this one.
    `warnings` tell of bounds that are near: (kind, value, limit).
    """

    state: RunState
    answer: Any = None
    workflow: Workflow | None = None
    details: RunDetails | None = None
    output: Payload | None = None
    events: list[Event] = field(default_factory=list)
    new_run: bool = False
    tasks: dict[str, Task] = field(default_factory=dict)
    activities: dict[str, Activity] = field(default_factory=dict)
    timers: dict[str, Timer] = field(default_factory=dict)
    children: dict[str, Child] = field(default_factory=dict)
    signals: dict[str, Signal] = field(default_factory=dict)
    updates: dict[str, Update] = field(default_factory=dict)
    new_rows: set[str] = field(default_factory=set)
    messages: list[Message] = field(default_factory=list)
    further: list["Decision"] = field(default_factory=list)
    warnings: list[tuple[str, int, int]] = field(default_factory=list)


Row = TypeVar("Row")


class Draft:
    """A decision in the making: copies the run once, collects rows, numbers events.

    Thrown away when a Refusal is raised, so that a refused request leaves no trace.
    """

    def __init__(self, state: RunState, moment: Moment) -> None:
        self.moment = moment
        # A transaction that had to wait for the run began before the one that held it ended.
        self.now = max(moment.now, state.run.last_progress_at)
        self.run: Run = state.run.copied()
        self.task_id: str | None = None
        self.command_id: str | None = None
        self._state = state
        self._decision = Decision(state=state)

    def new_id(self) -> str:
        """A new id of this run's shard."""
        return self.moment.new_id(self.run.shard)

    def take_step(self) -> int:
        """The next step number of the run: 1, 2, 3 … one for each command that owns a step."""
        step = self.run.next_step
        self.run.next_step += 1
        return step

    def take_command(self) -> int:
        """The number of the next request that changes the run: it orders signals and updates."""
        self.run.command_count += 1
        return self.run.command_count

    def task(self, task_id: str) -> Task:
        """A task at hand, as this draft has left it."""
        return self._decision.tasks.get(task_id) or self._state.tasks[task_id]

    def tasks(self) -> list[Task]:
        """Every task at hand, as this draft has left it."""
        return list({**self._state.tasks, **self._decision.tasks}.values())

    def activity(self, activity_execution_id: str) -> Activity:
        """An activity at hand, as this draft has left it."""
        known = self._decision.activities.get(activity_execution_id)
        return known or self._state.activities[activity_execution_id]

    def activities(self) -> list[Activity]:
        """Every activity at hand, as this draft has left it, in step order."""
        merged = {**self._state.activities, **self._decision.activities}
        return sorted(merged.values(), key=lambda each: each.step)

    def timers(self) -> list[Timer]:
        """Every timer at hand, as this draft has left it, in step order."""
        merged = {**self._state.timers, **self._decision.timers}
        return sorted(merged.values(), key=lambda each: each.step)

    def child(self, child_call_id: str) -> Child:
        """A child at hand, as this draft has left it."""
        return self._decision.children.get(child_call_id) or self._state.children[child_call_id]

    def children(self) -> list[Child]:
        """Every child at hand, as this draft has left it, in step order."""
        merged = {**self._state.children, **self._decision.children}
        return sorted(merged.values(), key=lambda each: each.step)

    def signals(self) -> list[Signal]:
        """Every signal at hand, as this draft has left it, in the order of arrival."""
        merged = {**self._state.signals, **self._decision.signals}
        return sorted(merged.values(), key=lambda each: each.command_sequence)

    def updates(self) -> list[Update]:
        """Every update at hand, as this draft has left it, in the order of arrival."""
        merged = {**self._state.updates, **self._decision.updates}
        return sorted(merged.values(), key=lambda each: each.command_sequence)

    @property
    def workflow(self) -> Workflow:
        """The holder of the workflow id, as this draft has left it; must be at hand."""
        workflow = self._decision.workflow or self._state.workflow
        assert workflow is not None
        return workflow

    @property
    def details(self) -> RunDetails:
        """What the run carries, as this draft has left it; must be at hand."""
        details = self._decision.details or self._state.details
        assert details is not None
        return details

    def put_task(self, task: Task, *, new: bool = False) -> None:
        """Write a task."""
        self._decision.tasks[task.task_id] = task
        if new:
            self._decision.new_rows.add(task.task_id)

    def put_activity(self, activity: Activity, *, new: bool = False) -> None:
        """Write an activity."""
        self._decision.activities[activity.activity_execution_id] = activity
        if new:
            self._decision.new_rows.add(activity.activity_execution_id)

    def put_timer(self, timer: Timer, *, new: bool = False) -> None:
        """Write a timer."""
        self._decision.timers[timer.timer_id] = timer
        if new:
            self._decision.new_rows.add(timer.timer_id)

    def put_child(self, child: Child, *, new: bool = False) -> None:
        """Write a child."""
        self._decision.children[child.child_call_id] = child
        if new:
            self._decision.new_rows.add(child.child_call_id)

    def put_signal(self, signal: Signal, *, new: bool = False) -> None:
        """Write a signal."""
        self._decision.signals[signal.signal_id] = signal
        if new:
            self._decision.new_rows.add(signal.signal_id)

    def put_update(self, update: Update, *, new: bool = False) -> None:
        """Write an update."""
        self._decision.updates[update.update_id] = update
        if new:
            self._decision.new_rows.add(update.update_id)

    def put_details(self, details: RunDetails) -> None:
        """Write what the run carries; its input never changes."""
        self._decision.details = details

    def send(self, kind: str, to_shard: int, to_run_id: str, body: dict[str, Any]) -> None:
        """Tell another run something, at least once, after this decision is stored."""
        sender, receiver = (self.run.shard, self.run.run_id), (to_shard, to_run_id)
        message = new_message(self.new_id(), kind, sender, receiver, body, self.now)
        self._decision.messages.append(message)

    def follow(self, decision: Decision) -> None:
        """Have a decision about another run of the same workflow carried out with this one."""
        self._decision.further.append(decision)

    def append(
        self,
        event_type: str,
        payload: dict[str, Any] | bytes,
        *,
        task_id: str | None = None,
        command_id: str | None = None,
    ) -> Event:
        """Record an event as the next of the run; `payload` without nulls, or ready JSON.

        Unless told otherwise, the event names the workflow task that is being completed and the
        client's request that is being carried out, if any.
        """
        run = self.run
        text = (payload if isinstance(payload, bytes) else orjson.dumps(payload)).decode()
        run.last_sequence += 1
        run.history_bytes += len(text)
        run.last_progress_at = self.now
        event = Event(
            run.shard,
            run.run_id,
            run.last_sequence,
            self.new_id(),
            event_type,
            text,
            task_id or self.task_id,
            command_id or self.command_id,
            self.now,
        )
        self._decision.events.append(event)
        return event

    def warn(self, kind: str, value: int, limit: int) -> None:
        """Have it told that a quantity of the run nears its bound."""
        self._decision.warnings.append((kind, value, limit))

    def done(self, answer: Any = None) -> Decision:
        """The finished decision, with the state as it is after it."""
        decision, state = self._decision, self._state
        decision.answer = answer
        decision.state = RunState(
            self.run,
            _after(state.tasks, decision.tasks),
            _after(state.activities, decision.activities),
            _after(state.timers, decision.timers),
            _after(state.children, decision.children),
            _after(state.signals, decision.signals),
            _after(state.updates, decision.updates),
            decision.workflow or state.workflow,
            decision.details or state.details,
            state.requests,
        )
        return decision

    def set_output(self, output: Payload | None) -> None:
        """Store what the run returned."""
        self._decision.output = output

    def set_new(self, workflow: Workflow, details: RunDetails) -> None:
        """Mark the run as new, with the workflow that holds it and what it carries."""
        self._decision.new_run = True
        self._decision.workflow = workflow
        self._decision.details = details


def _after(before: dict[str, Row], changed: dict[str, Row]) -> dict[str, Row]:
    return {**before, **changed} if changed else before
