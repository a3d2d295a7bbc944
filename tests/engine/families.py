"""Several runs that tell each other: a parent, its children and the runs that follow them.

Decisions are applied to the states at once; messages wait until a test delivers them.
"""

import itertools
from typing import Any

import orjson
from durable_server.advance.intents import Intent
from durable_server.advance.receipts import RECEIPTS
from durable_server.clock import SECOND
from durable_server.engine import cancel, start, timeouts, workflow_task
from durable_server.engine.client_request import ClientRequest
from durable_server.engine.decision import Decision, Draft, Moment
from durable_server.engine.limits import Limits
from durable_server.engine.resume import resume_run
from durable_server.engine.run_state import Child, Message, RunState, Workflow
from durable_server.engine.tasks import Holder

from tests.engine.builders import NOON, WORKER, completion, wanted


class Family:
    """Every run of a few workflows, the events of each, and the messages on their way."""

    def __init__(self, **limits: int) -> None:
        self._numbers = itertools.count(1)
        self.now = NOON
        self.limits = Limits(**limits)
        self.states: dict[str, RunState] = {}
        self.workflows: dict[str, Workflow] = {}
        self.events: dict[str, list[tuple[str, Any]]] = {}
        self.outbox: list[Message] = []
        self.delivered: list[Message] = []

    @property
    def moment(self) -> Moment:
        """Now, with predictable ids."""
        return Moment(self.now, lambda shard: f"id-{next(self._numbers)}", self.limits)

    def start(self, **changes: object) -> str:
        """Start a parent; returns its run id."""
        return self.keep(start.start(wanted(**changes), self.moment))

    def keep(self, decision: Decision) -> str:
        """Apply a decision with all that follows it; returns the id of its run."""
        for each in (decision, *decision.further):
            run_id = each.state.run.run_id
            self.states[run_id] = each.state
            if each.workflow is not None:
                self.workflows[each.workflow.workflow_id] = each.workflow
            told = self.events.setdefault(run_id, [])
            told.extend((event.event_type, event.payload) for event in each.events)
            self.outbox.extend(each.messages)
        for state in self.states.values():
            state.workflow = self.workflows[state.run.workflow_id]
        return decision.state.run.run_id

    def types(self, run_id: str) -> list[str]:
        """The types of a run's events."""
        return [event_type for event_type, _ in self.events[run_id]]

    def payloads(self, run_id: str, event_type: str) -> list[Any]:
        """The payloads of a run's events of one type."""
        return [orjson.loads(text) for kind, text in self.events[run_id] if kind == event_type]

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += round(seconds * SECOND)

    def lease(self, run_id: str, holder: Holder = WORKER) -> str:
        """Hand the open workflow task of a run to a worker; returns its id."""
        state = self.states[run_id]
        task_id = state.run.task_id
        assert task_id is not None
        self.keep(workflow_task.lease(state, self.moment, state.tasks[task_id], holder))
        return task_id

    def complete(self, run_id: str, *raw: dict[str, object]) -> Decision:
        """Complete the leased task of a run with these commands."""
        state = self.states[run_id]
        task_id = state.run.task_id
        assert task_id is not None
        decision = workflow_task.complete(state, self.moment, completion(state, task_id, *raw))
        self.keep(decision)
        return decision

    def wake(self, run_id: str) -> None:
        """Make a workflow task, as any reason does that has nothing to do with children."""
        draft = Draft(self.states[run_id], self.moment)
        resume_run(draft, {})
        self.keep(draft.done())

    def work(self, run_id: str, *raw: dict[str, object]) -> Decision:
        """Take the open workflow task of a run and complete it."""
        self.lease(run_id)
        return self.complete(run_id, *raw)

    def stop(self, run_id: str, kind: str, reason: str | None = None) -> None:
        """A client cancels or terminates a run."""
        state = self.states[run_id]
        request = ClientRequest(kind, state.run.workflow_id, None, reason, {})
        self.keep(cancel.stop(state, self.moment, request))

    def time_out(self, run_id: str) -> None:
        """The deadline pass looks at a run."""
        self.keep(timeouts.time_out_run(self.states[run_id], self.moment))

    def deliver(self, *messages: Message) -> None:
        """Deliver these messages, or all that wait and those that they lead to."""
        if messages:
            for message in messages:
                self._receive(message)
            return
        while self.outbox:
            self._receive(self.outbox.pop(0))

    def take(self, kind: str) -> Message:
        """Take the only message of this kind off its way."""
        [message] = [each for each in self.outbox if each.kind == kind]
        self.outbox.remove(message)
        return message

    def children(self, run_id: str) -> list[Child]:
        """The children of a run, in step order."""
        return sorted(self.states[run_id].children.values(), key=lambda child: child.step)

    def newest(self, child: Child) -> str:
        """The id of the current run of a child."""
        return self.workflows[child.child_workflow_id].current_run_id

    def _receive(self, message: Message) -> None:
        intent = RECEIPTS[message.kind](message)
        decision = intent.decide(self._state_of(intent), self.moment)
        self.delivered.append(message)
        if decision is not None:
            self.keep(decision)

    def _state_of(self, intent: Intent) -> RunState | None:
        if intent.workflow_key is None:
            return self.states.get(intent.run_key or "")
        holder = self.workflows.get(intent.workflow_key[1])
        return None if holder is None else self.states[holder.current_run_id]
