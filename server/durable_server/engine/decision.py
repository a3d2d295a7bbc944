"""What the engine wants written, and the draft in which a decision takes shape.

A decision is values only. `advance` writes it, answers with `answer`, and wakes whoever waits.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from durable_server.engine.limits import Limits
from durable_server.engine.run_state import (
    Activity,
    Event,
    Message,
    Payload,
    Run,
    RunDetails,
    RunState,
    Task,
    Timer,
    Workflow,
)


@dataclass(slots=True)
class Moment:
    """What a decision may know besides the state: the instant, new ids, the limits in force."""

    now: int
    new_id: Callable[[int], str]
    limits: Limits


@dataclass(slots=True)
class Decision:
    """What to write and what to answer. Lists hold each changed row once, as it is to be stored."""

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
    new_rows: set[str] = field(default_factory=set)
    messages: list[Message] = field(default_factory=list)


class Draft:
    """A decision in the making: copies the run once, collects rows, numbers events.

    Thrown away when a Refusal is raised, so that a refused request leaves no trace.
    """

    def __init__(self, state: RunState, moment: Moment) -> None:
        self.moment = moment
        self.now = moment.now
        self.run: Run = state.run.copied()
        self.task_id: str | None = None
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

    def append(
        self,
        event_type: str,
        payload: dict[str, Any] | bytes,
        *,
        task_id: str | None = None,
        command_id: str | None = None,
    ) -> Event:
        """Record an event as the next of the run; `payload` without nulls, or ready JSON.

        Unless told otherwise, the event names the workflow task that is being completed, if any.
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
            command_id,
            self.now,
        )
        self._decision.events.append(event)
        return event

    def done(self, answer: Any = None) -> Decision:
        """The finished decision, with the state as it is after it."""
        decision, state = self._decision, self._state
        decision.answer = answer
        decision.state = RunState(
            self.run,
            {**state.tasks, **decision.tasks} if decision.tasks else state.tasks,
            {**state.activities, **decision.activities}
            if decision.activities
            else state.activities,
            {**state.timers, **decision.timers} if decision.timers else state.timers,
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
