"""Carrying out what concerns schedules, and what they and their runs tell each other.

A schedule lies beside the runs: its row is locked, decided and written in one transaction with the
messages that have runs begin and stop. Those are delivered like any message between runs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from durable_server.advance.children import StopWorkflow
from durable_server.advance.intents import Intent
from durable_server.engine import schedule_firing, schedule_run
from durable_server.engine.decision import Decision, Moment
from durable_server.engine.run_state import Message, RunState
from durable_server.engine.schedule_firing import Around
from durable_server.engine.schedule_state import Schedule, ScheduleDecision
from durable_server.ids import shard_of
from durable_server.pending import Pending
from durable_server.refusal import Refusal
from durable_server.store import rollouts
from durable_server.store import schedules as stored
from durable_server.store.rollouts import Queue

Change = Callable[[Schedule | None, Moment, Around], ScheduleDecision | None]
Key = tuple[int, str, str]


@dataclass(slots=True)
class ChangeSchedule:
    """A wish to change a schedule; answered with its decision, or None for nothing to do."""

    namespace: str
    schedule_id: str
    change: Change
    pending: Pending = field(default_factory=Pending)

    @property
    def shard(self) -> int:
        """The shard of the schedule, which decides its lane."""
        return shard_of(self.namespace, self.schedule_id)

    @property
    def key(self) -> Key:
        """What names the schedule."""
        return self.shard, self.namespace, self.schedule_id


def fire(namespace: str, schedule_id: str) -> ChangeSchedule:
    """Have a schedule do what is due."""
    return ChangeSchedule(namespace, schedule_id, schedule_firing.fire)


def change_schedules(tx: Any, batch: Any, items: list[ChangeSchedule]) -> None:
    """Decide and write the items of a batch, one after the other; a refused one leaves no trace."""
    found: dict[Key, Schedule | None] = {}
    found.update(stored.lock_schedules(tx, [item.key for item in items]))
    around = _around(tx, [each for each in found.values() if each is not None])
    builds: dict[Queue, str | None] = {}
    for item in items:
        before = found.get(item.key)
        workflow_id = None if before is None else before.latest_workflow_id
        known = around.get((item.namespace, workflow_id or ""), Around(workflow_id, False))
        if before is not None:
            known = known._replace(build_id=_build(tx, builds, before))
        try:
            decision = item.change(before, batch.moment, known)
        except Refusal as refusal:
            batch.answers.append((item.pending, None, refusal))
            continue
        batch.answers.append((item.pending, decision, None))
        if decision is not None and (decision.removed or decision.schedule != before):
            _write(tx, batch, before, decision)
            found[item.key] = None if decision.removed else decision.schedule


def _write(tx: Any, batch: Any, before: Schedule | None, decision: ScheduleDecision) -> None:
    schedule = decision.schedule
    stored.write_schedule(tx, decision)
    was = None if before is None else (before.search_attributes, before.deleted)
    if was != (schedule.search_attributes, schedule.deleted) and not decision.removed:
        stored.replace_attributes(tx, schedule)
    held = None if before is None else (before.action, before.uid, before.deleted)
    if held != (schedule.action, schedule.uid, schedule.deleted) and not decision.removed:
        stored.replace_payloads(tx, before, schedule)
    batch.schedules.append(decision)


def _around(tx: Any, schedules: list[Schedule]) -> dict[tuple[str, str], Around]:
    """How the runs of the newest workflows stand, by namespace and workflow id."""
    names = [
        (shard_of(each.namespace, each.latest_workflow_id), each.namespace, each.latest_workflow_id)
        for each in schedules
        if each.latest_workflow_id is not None
    ]
    workflows = tx.fetch("workflows_by_id", names)
    runs = tx.fetch("runs_by_id", [(each.shard, each.current_run_id) for each in workflows])
    return {(run.namespace, run.workflow_id): Around(run.workflow_id, run.closed) for run in runs}


def _build(tx: Any, known: dict[Queue, str | None], schedule: Schedule) -> str | None:
    """The build that new runs of the schedule's queue are for, looked up once for each queue."""
    queue = (schedule.namespace, schedule.task_queue or schedule_run.TASK_QUEUE_DEFAULT)
    if queue not in known:
        known[queue] = rollouts.promoted_build(tx, queue)
    return known[queue]


@dataclass(slots=True, kw_only=True)
class StartScheduled(Intent):
    """A schedule has a workflow started, whose id nobody else has."""

    body: dict[str, Any]

    def __post_init__(self) -> None:
        self.workflow_key = (self.body["namespace"], self.body["workflow_id"])

    def decide(self, state: RunState | None, moment: Moment) -> Decision | None:
        """See `schedule_run.start`."""
        return schedule_run.start(state, moment, self.body)


def start_scheduled(message: Message) -> Intent:
    """The receipt of `start_scheduled`."""
    return StartScheduled(shard=message.to_shard, body=orjson.loads(message.body))


def stop_scheduled(message: Message) -> Intent:
    """The receipt of `stop_scheduled`."""
    body = orjson.loads(message.body)
    return StopWorkflow(shard=message.to_shard, kind=body["kind"], source="schedule", body=body)


def scheduled_run_closed(message: Message) -> ChangeSchedule:
    """The receipt of `scheduled_run_closed`."""
    body = orjson.loads(message.body)

    def change(found: Schedule | None, moment: Moment, around: Around) -> ScheduleDecision | None:
        return schedule_firing.run_closed(found, moment, around, body)

    return ChangeSchedule(body["namespace"], body["schedule_id"], change)
