"""What is known of a schedule, and the draft in which a decision about one takes shape.

A schedule lies beside the runs, in the shard of its id. What it has runs do, and what runs tell it,
travels as messages; so one transaction writes one shard.
"""

import uuid
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from durable_server.clock import to_second_text
from durable_server.engine.decision import Moment, new_message
from durable_server.engine.run_state import Message
from durable_server.refusal import Refusal

RECENT_MAX = 10
BUFFER_MAX = 1000
HISTORY_EVENTS_MAX = 10_000


class Schedule(NamedTuple):
    """A row. Key: shard, namespace, schedule_id. JSON texts: spec, action, memo,
    search_attributes, recent, buffer.

    `uid` is new for each life of a schedule id. `occurrence_at` is the occurrence that comes next,
    `due_at` when something is to be done: to fire for it, or to remove a deleted schedule.
    `latest_open`: whether the newest workflow, as far as the schedule has heard, still runs.
    """

    shard: int
    namespace: str
    schedule_id: str
    uid: str
    status: str
    workflow_type: str
    task_queue: str | None
    spec: str
    action: str
    overlap_policy: str
    jitter_seconds: int
    catch_up_window_seconds: int | None
    max_runs: int | None
    remaining_actions: int | None
    memo: str | None
    search_attributes: str | None
    note: str | None
    occurrence_at: int | None
    due_at: int | None
    last_fired_at: int | None
    paused_at: int | None
    deleted_at: int | None
    last_skip_reason: str | None
    last_skipped_at: int | None
    fires_count: int
    failures_count: int
    skipped_count: int
    latest_workflow_id: str | None
    latest_open: bool
    recent: str
    buffer: str
    last_sequence: int
    created_at: int
    updated_at: int

    @property
    def key(self) -> tuple[int, str, str]:
        """What names the schedule."""
        return self.shard, self.namespace, self.schedule_id

    @property
    def deleted(self) -> bool:
        """Whether only its history is left."""
        return self.status == "deleted"


class ScheduleEvent(NamedTuple):
    """What happened to a schedule. Key: shard, namespace, schedule_id, sequence."""

    shard: int
    namespace: str
    schedule_id: str
    sequence: int
    event_id: str
    event_type: str
    payload: str
    workflow_id: str | None
    run_id: str | None
    recorded_at: int


@dataclass(slots=True)
class ScheduleDecision:
    """What to write of a schedule and what to answer. `removed`: nothing of it is to be left."""

    schedule: Schedule
    answer: Any = None
    new: bool = False
    removed: bool = False
    events: list[ScheduleEvent] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)


class ScheduleDraft:
    """A decision in the making; `context` tells which request causes what is recorded."""

    def __init__(
        self, schedule: Schedule, moment: Moment, context: dict[str, Any] | None = None
    ) -> None:
        self.schedule, self.moment, self.now = schedule, moment, moment.now
        self.context = context
        self._decision = ScheduleDecision(schedule)

    def change(self, **values: Any) -> None:
        """Set columns."""
        self.schedule = self.schedule._replace(**values, updated_at=self.now)

    def new_id(self) -> str:
        """A new id of the schedule's shard."""
        return self.moment.new_id(self.schedule.shard)

    def record(
        self,
        event_type: str,
        payload: dict[str, Any],
        workflow_id: str | None = None,
        run_id: str | None = None,
    ) -> None:
        """Record what happened, with the schedule as it is now."""
        sequence = self.schedule.last_sequence + 1
        told = dict(payload)
        if self.context is not None:
            told["command_context"] = self.context
        told["schedule"] = snapshot(self.schedule)
        text = orjson.dumps(told).decode()
        event = ScheduleEvent(
            *self.schedule.key,
            sequence,
            self.new_id(),
            event_type,
            text,
            workflow_id,
            run_id,
            self.now,
        )
        self._decision.events.append(event)
        self.schedule = self.schedule._replace(last_sequence=sequence)

    def send(self, kind: str, to_shard: int, to_run_id: str, body: dict[str, Any]) -> None:
        """Have a run begin or stop, at least once, after this decision is stored."""
        sender, receiver = (self.schedule.shard, self.schedule.uid), (to_shard, to_run_id)
        message = new_message(self.new_id(), kind, sender, receiver, body, self.now)
        self._decision.messages.append(message)

    def done(self, answer: Any = None, *, new: bool = False) -> ScheduleDecision:
        """The finished decision."""
        decision = self._decision
        decision.schedule, decision.answer, decision.new = self.schedule, answer, new
        return decision


def snapshot(schedule: Schedule) -> dict[str, Any]:
    """A schedule as its history tells it, without nulls."""
    shown = {
        "id": schedule.uid,
        "schedule_id": schedule.schedule_id,
        "namespace": schedule.namespace,
        "status": schedule.status,
        "overlap_policy": schedule.overlap_policy,
        "next_fire_at": text_of(next_fire(schedule)),
        "last_fired_at": text_of(schedule.last_fired_at),
        "paused_at": text_of(schedule.paused_at),
        "deleted_at": text_of(schedule.deleted_at),
        "last_skip_reason": schedule.last_skip_reason,
        "last_skipped_at": text_of(schedule.last_skipped_at),
        "fires_count": schedule.fires_count,
        "skipped_trigger_count": schedule.skipped_count,
        "latest_workflow_instance_id": schedule.latest_workflow_id,
        "note": schedule.note,
    }
    return {name: value for name, value in shown.items() if value is not None}


def next_fire(schedule: Schedule) -> int | None:
    """When the schedule fires next, its jitter included; a paused one would."""
    return None if schedule.deleted else schedule.due_at


def text_of(instant: int | None) -> str | None:
    """An instant as schedules tell it."""
    return None if instant is None else to_second_text(instant)


def buffered(schedule: Schedule) -> list[dict[str, Any]]:
    """The starts that wait for the running workflow to end, oldest first."""
    entries: list[dict[str, Any]] = orjson.loads(schedule.buffer)
    return entries


def recent(schedule: Schedule) -> list[dict[str, Any]]:
    """The newest starts, oldest first."""
    entries: list[dict[str, Any]] = orjson.loads(schedule.recent)
    return entries


def text(value: Any) -> str:
    """A value as JSON text."""
    return orjson.dumps(value).decode()


def workflow_id_of(uid: str, cause: str) -> str:
    """The id of the workflow that is started for a cause: the same again for the same cause."""
    return str(uuid.uuid5(uuid.UUID(uid), cause))


def fragment(json_text: str | None) -> Any:
    """Ready JSON text as a part of a larger value."""
    return None if json_text is None else orjson.Fragment(json_text)


def existing(found: Schedule | None) -> Schedule:
    """The schedule, unless it is absent or deleted; whoever asks knows whose it is."""
    if found is None or found.deleted:
        raise Refusal("schedule_not_found")
    return found
