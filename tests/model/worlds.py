"""Two places in which one run can live: values of the engine alone, and a real server.

The same random requests are sent to both; whatever happens, the rows that are left must keep the
invariants of `tests.invariants`.
"""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from durable_server.advance.intents import Intent, StartRun
from durable_server.clock import ManualClock
from durable_server.engine import activity_task, start, workflow_task
from durable_server.engine.decision import Decision, Moment
from durable_server.engine.limits import Limits
from durable_server.engine.run_state import Event, Payload, RunState, Task
from durable_server.engine.tasks import Holder
from durable_server.ids import new_id, new_plain_id, shard_of
from durable_server.maintenance.passes import answer_of
from durable_server.matching.channels import Channel, Poll, PollingWorker
from durable_server.server import Server

from tests.invariants.reading import read_run
from tests.invariants.rows import Rows
from tests.maintenance.running import ANSWER_SECONDS_MAX, running

LEASE_SECONDS = 20


class World(Protocol):
    """One run, a clock moved by hand, and a way to wish for changes."""

    clock: ManualClock

    def start(self, **wanted: Any) -> None:
        """Start the run."""

    def put(self, intent: Intent) -> Any:
        """Have an intent carried out; gives the answer or raises a Refusal."""

    def lease(self, kind: str, worker_id: str) -> Task | None:
        """Hand a task that is due to a worker."""

    def rows(self) -> Rows:
        """Everything that is stored of the run."""


class EngineWorld:
    """The engine alone: every row is at hand for every decision."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self._numbers = itertools.count(1)
        self._state: RunState | None = None
        self._events: list[Event] = []
        self._limits = Limits(
            workflow_task_lease_seconds=LEASE_SECONDS, activity_task_lease_seconds=LEASE_SECONDS
        )

    def start(self, **wanted: Any) -> None:
        """Start the run."""
        self._apply(start.start(_start(**wanted), self._moment()))

    def put(self, intent: Intent) -> Any:
        """Have an intent carried out on the present state."""
        decision = intent.decide(self._state, self._moment())
        return None if decision is None else self._apply(decision)

    def lease(self, kind: str, worker_id: str) -> Task | None:
        """Hand the first due task of a kind to a worker."""
        state, moment = self._known(), self._moment()
        due = [
            each
            for each in state.tasks.values()
            if (each.kind, each.status) == (kind, "ready") and each.available_at <= moment.now
        ]
        if not due:
            return None
        task = min(due, key=lambda each: (each.available_at, each.task_id))
        decide = workflow_task.lease if kind == "workflow" else activity_task.lease
        decision = decide(state, moment, task, Holder(worker_id, None, "avro", None))
        if decision is None:
            return None
        self._apply(decision)
        return self._known().tasks[task.task_id]

    def rows(self) -> Rows:
        """Everything of the state, and every event decided so far."""
        state = self._known()
        return Rows(
            state.run,
            list(state.tasks.values()),
            list(state.activities.values()),
            list(state.timers.values()),
            list(self._events),
        )

    def _moment(self) -> Moment:
        return Moment(
            self.clock.now(), lambda shard: f"{next(self._numbers):032d}{shard:03x}", self._limits
        )

    def _known(self) -> RunState:
        assert self._state is not None
        return self._state

    def _apply(self, decision: Decision) -> Any:
        self._state = decision.state
        self._events.extend(decision.events)
        return decision.answer


class ServerWorld:
    """A started server with its store, lanes and matcher; only the HTTP edge is left out."""

    def __init__(self, server: Server) -> None:
        self.server = server
        assert isinstance(server.clock, ManualClock)
        self.clock = server.clock
        self._queue = new_plain_id()
        self._key = (0, "")
        self._rows: Rows | None = None

    def start(self, **wanted: Any) -> None:
        """Start the run, on a task queue of its own."""
        chosen = _start(task_queue=self._queue, workflow_id=new_plain_id(), **wanted)
        self._key = (chosen.shard, chosen.run_id)
        answer_of(self.server.lanes.put(StartRun(shard=chosen.shard, wanted=chosen)))

    def put(self, intent: Intent) -> Any:
        """Put the intent on its lane."""
        self._rows = None
        return answer_of(self.server.lanes.put(intent))

    def lease(self, kind: str, worker_id: str) -> Task | None:
        """Poll once, without waiting."""
        self._rows = None
        channel = Channel("default", self._queue, kind)
        worker = PollingWorker(worker_id, None, None, None, "avro")
        poll = Poll(channel, worker, probe=True)
        # Moving the clock by hand wakes nobody: have the queue looked at.
        self.server.matcher.backlog(channel)
        self.server.matcher.park(poll)
        answered = threading.Event()
        poll.pending.on_answer(answered.set)
        assert answered.wait(ANSWER_SECONDS_MAX), "the poll was not answered"
        leased = poll.pending.result()
        return None if leased is None else leased.task

    def rows(self) -> Rows:
        """Read every table, unless nothing was wished for since."""
        if self._rows is None:
            self._rows = answer_of(self.server.read(_read, *self._key, snapshot=True))
        return self._rows


@contextmanager
def server_world(kind: str, folder: Path) -> Iterator[Server]:
    """A started server for any number of runs."""
    leases = {"workflow_task_timeout": LEASE_SECONDS, "activity_task_timeout": LEASE_SECONDS}
    with running(kind, folder, **leases) as server:
        yield server


def _read(tx: Any, shard: int, run_id: str) -> Rows:
    mark = "%s" if tx.kind == "postgresql" else "?"
    database = tx.database

    def execute(sql: str, parameters: tuple[Any, ...]) -> Any:
        return database.execute_sql(sql, parameters).fetchall()

    return read_run(execute, shard, run_id, mark)


def _start(workflow_id: str = "order-42", **wanted: Any) -> start.Start:
    shard = shard_of("default", workflow_id)
    values: dict[str, Any] = {
        "shard": shard,
        "run_id": new_id(shard),
        "namespace": "default",
        "workflow_id": workflow_id,
        "workflow_type": "orders.process",
        "task_queue": "orders",
        "input": Payload("plain", "[]"),
        "build_id": None,
        "business_key": None,
        "memo": None,
        "search_attributes": None,
        "duplicate_policy": "fail",
        "execution_timeout_seconds": None,
        "run_timeout_seconds": None,
        "command": {},
        **wanted,
    }
    return start.Start(**values)
