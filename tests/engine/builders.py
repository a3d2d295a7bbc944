"""Runs, moments and commands for tests of the engine: values only."""

import itertools

from durable_server.clock import SECOND
from durable_server.engine import activity_task, commands, start, workflow_task
from durable_server.engine.decision import Decision, Draft, Moment
from durable_server.engine.limits import Limits
from durable_server.engine.resume import resume_run
from durable_server.engine.run_state import Event, Payload, RunState
from durable_server.engine.tasks import Holder, digest_of

NOON = 1_777_000_000 * SECOND
WORKER = Holder("worker-1", None, "avro", None)


class Story:
    """One run and what happens to it; every decision is applied to the state at once."""

    def __init__(self, **limits: int) -> None:
        self._numbers = itertools.count(1)
        self.now = NOON
        self.limits = Limits(**limits)
        self.events: list[tuple[str, str]] = []
        self.recorded: list[Event] = []
        self.state = self._take(start.start(wanted(), self.moment)).state

    @property
    def moment(self) -> Moment:
        """Now, with predictable ids."""
        return Moment(self.now, lambda shard: f"id-{next(self._numbers)}", self.limits)

    @property
    def types(self) -> list[str]:
        """The event types recorded so far."""
        return [event_type for event_type, _ in self.events]

    def _take(self, decision: Decision) -> Decision:
        self.events.extend((event.event_type, event.payload) for event in decision.events)
        self.recorded.extend(decision.events)
        self.state = decision.state
        return decision

    def apply(self, decide: object, *arguments: object) -> Decision:
        """Decide on the present state."""
        return self._take(decide(self.state, self.moment, *arguments))  # type: ignore[operator]

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += round(seconds * SECOND)

    def task_id(self) -> str:
        """The open workflow task."""
        assert self.state.run.task_id is not None
        return self.state.run.task_id

    def lease(self, holder: Holder = WORKER) -> str:
        """Hand the open workflow task to a worker; returns its id."""
        task_id = self.task_id()
        self.apply(workflow_task.lease, self.state.tasks[task_id], holder)
        return task_id

    def wake(self) -> str:
        """Make a further workflow task and hand it to a worker, whatever the run waits for."""
        draft = Draft(self.state, self.moment)
        resume_run(draft, {})
        self._take(draft.done())
        return self.lease()

    def complete(self, *raw: dict[str, object], task_id: str | None = None) -> Decision:
        """Complete the leased task with these commands."""
        task_id = task_id or self.task_id()
        return self.apply(workflow_task.complete, completion(self.state, task_id, *raw))

    def start_activity(self, position: int = 0) -> str:
        """Hand a ready activity task to a worker; returns the id of the attempt."""
        ready = [
            t for t in self.state.tasks.values() if t.kind == "activity" and t.status == "ready"
        ]
        task = ready[position]
        self.apply(activity_task.lease, task, WORKER)
        activity = self.state.activities[task.activity_execution_id or ""]
        return f"{activity.activity_execution_id}.{activity.attempt}"


def wanted(**changes: object) -> start.Start:
    """A start of workflow `order-42` with no timeouts."""
    fields: dict[str, object] = {
        "shard": 7,
        "run_id": "run-1",
        "namespace": "default",
        "workflow_id": "order-42",
        "workflow_type": "orders.process",
        "task_queue": "orders",
        "input": Payload("plain", '["order-42"]'),
        "build_id": None,
        "business_key": None,
        "memo": None,
        "search_attributes": None,
        "duplicate_policy": "fail",
        "execution_timeout_seconds": None,
        "run_timeout_seconds": None,
        "command": {},
    }
    return start.Start(**{**fields, **changes})  # type: ignore[arg-type]


def completion(state: RunState, task_id: str, *raw: dict[str, object]) -> commands.Completion:
    """A worker's completion of this task, as parsed from the wire."""
    attempt = state.tasks[task_id].attempt
    return commands.Completion(
        task_id, "worker-1", attempt, commands.parse(list(raw)), digest_of(list(raw))
    )
