"""Schedules: those that are due, those that clients ask for, and what happened to each."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from peewee import SQL, fn

from durable_server.clock import SECOND
from durable_server.engine.references import uris_of_event
from durable_server.engine.schedule_state import (
    HISTORY_EVENTS_MAX,
    Schedule,
    ScheduleDecision,
    ScheduleEvent,
)
from durable_server.store import columns
from durable_server.store.due import earliest
from durable_server.store.errors import StoreConflict
from durable_server.store.models import Schedule as Row
from durable_server.store.models import ScheduleAttribute as AttributeRow
from durable_server.store.models import ScheduleEvent as EventRow
from durable_server.store.payload_objects import Holder, hold, release_payloads

Key = tuple[int, str, str]
# Written out, since SQLite finds a partial index by the words of its condition only.
_PENDING = SQL("due_at IS NOT NULL AND status <> 'paused'")
_KEPT = SQL("status <> 'deleted'")
_FIELDS = [getattr(Row, name) for name in Schedule._fields]
_EVENT_FIELDS = [getattr(EventRow, name) for name in ScheduleEvent._fields]
# Old events are removed so many at a time.
TRIM_EVERY = 100
# Runs that a schedule asked for have begun by then.
HANDED_ON = 900 * SECOND


class DueSchedule(NamedTuple):
    """A schedule that has something to do."""

    shard: int
    namespace: str
    schedule_id: str


@dataclass(frozen=True)
class ScheduleFilter:
    """Which schedules of a namespace to list. `attributes`: names with JSON texts of values."""

    namespace: str
    status: str | None = None
    workflow_type: str | None = None
    task_queue: str | None = None
    schedule_id: str | None = None
    note: str | None = None
    attributes: tuple[tuple[str, str], ...] = ()


def due_schedules(tx: Any, now: int, limit: int) -> list[DueSchedule]:
    """Schedules whose moment has come, oldest first; skips those another server holds."""
    query: Any = Row.select(Row.shard, Row.namespace, Row.schedule_id)
    query = query.where(_PENDING, Row.due_at <= now).order_by(Row.due_at).limit(limit).tuples()
    if tx.kind == "postgresql":
        query = query.for_update("FOR UPDATE SKIP LOCKED")
    return [DueSchedule(*row) for row in query.execute(tx.database)]


def next_due(tx: Any) -> int | None:
    """When the next schedule has something to do."""
    return earliest(tx, Row.due_at, _PENDING)


def find_schedule(tx: Any, key: Key) -> Schedule | None:
    """The schedule of this key, also when it is deleted."""
    query = Row.select(*_FIELDS).where(_is(Row, key)).tuples()
    return next((_value(row) for row in query.execute(tx.database)), None)


def lock_schedules(tx: Any, keys: Iterable[Key]) -> dict[Key, Schedule]:
    """The schedules of these keys, locked in key order, one statement each."""
    found: dict[Key, Schedule] = {}
    for key in sorted(set(keys)):
        query: Any = Row.select(*_FIELDS).where(_is(Row, key)).tuples()
        if tx.kind == "postgresql":
            query = query.for_update()
        for row in query.execute(tx.database):
            found[key] = _value(row)
    return found


def write_schedule(tx: Any, decision: ScheduleDecision) -> None:
    """Write what was decided; StoreConflict when a new one is there already."""
    schedule = decision.schedule
    mine = _is(Row, schedule.key)
    if decision.removed:
        for model in (AttributeRow, EventRow, Row):
            model.delete().where(_is(model, schedule.key)).execute(tx.database)
        return
    if decision.new:
        Row.insert(schedule._asdict()).execute(tx.database)
    elif not Row.update(schedule._asdict()).where(mine).execute(tx.database):
        raise StoreConflict("update of a schedule: it is gone")
    if decision.events:
        rows = [event._asdict() for event in decision.events]
        for start in range(0, len(rows), TRIM_EVERY):
            EventRow.insert_many(rows[start : start + TRIM_EVERY]).execute(tx.database)
        _trim(tx, decision.events)
    if decision.messages:
        table = columns.MESSAGES
        tx.write_rows(f"insert_{table.name}", [table.to_row(each) for each in decision.messages])


def replace_attributes(tx: Any, schedule: Schedule) -> None:
    """Have the schedule found by the attributes it has now; by none once it is deleted."""
    key = schedule.key
    AttributeRow.delete().where(_is(AttributeRow, key)).execute(tx.database)
    given = None if schedule.deleted else schedule.search_attributes
    rows = {
        (name, attribute_text(item))
        for name, value in orjson.loads(given or "{}").items()
        for item in (value if isinstance(value, list) else [value])
        if item is not None
    }
    for name, value in sorted(rows):
        AttributeRow.insert(
            shard=key[0], namespace=key[1], schedule_id=key[2], name=name, value=value
        ).execute(tx.database)


def replace_payloads(tx: Any, before: Schedule | None, schedule: Schedule) -> None:
    """Have the schedule hold the objects that its input names now; none once it is deleted."""
    if before is not None and uris_of_event(before.action):
        # A run that was asked for a moment ago holds nothing yet.
        release_payloads(tx, [(before.shard, before.uid)], HANDED_ON)
    uris = () if schedule.deleted else uris_of_event(schedule.action)
    mine = (schedule.shard, schedule.uid)
    if uris:
        hold(tx, [Holder(*mine, uri, schedule.namespace) for uri in uris])


def attribute_text(value: Any) -> str:
    """A value of an attribute as it is compared: numbers that are equal have one text."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return orjson.dumps(value).decode()


def list_schedules(
    tx: Any, wanted: ScheduleFilter, cursor: tuple[int, str] | None, page_size: int
) -> list[Schedule]:
    """Newest first, then by id; `cursor` is (created_at, schedule_id) of the last one seen."""
    query = Row.select(*_FIELDS).where(Row.namespace == wanted.namespace, _KEPT)
    for name in ("status", "workflow_type", "task_queue", "schedule_id", "note"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(getattr(Row, name) == value)
    for name, value in wanted.attributes:
        query = query.where(fn.EXISTS(_having(name, value)))
    if cursor is not None:
        created_at, schedule_id = cursor
        later = (Row.created_at == created_at) & (Row.schedule_id > schedule_id)
        query = query.where((Row.created_at < created_at) | later)
    query = query.order_by(Row.created_at.desc(), Row.schedule_id).limit(page_size).tuples()
    return [_value(row) for row in query.execute(tx.database)]


def list_schedule_events(tx: Any, key: Key, after: int, limit: int) -> list[ScheduleEvent]:
    """What happened to a schedule after a sequence number, in order."""
    query = EventRow.select(*_EVENT_FIELDS).where(_is(EventRow, key), EventRow.sequence > after)
    query = query.order_by(EventRow.sequence).limit(limit).tuples()
    return [ScheduleEvent(*row) for row in query.execute(tx.database)]


def count_schedules(tx: Any, namespace: str | None = None) -> dict[str, int]:
    """How many schedules there are by status, in a namespace or in all."""
    query = Row.select(Row.status, fn.COUNT(SQL("*"))).where(_KEPT)
    if namespace is not None:
        query = query.where(Row.namespace == namespace)
    counts = {"active": 0, "paused": 0}
    counts.update(query.group_by(Row.status).tuples().execute(tx.database))
    return counts


def _having(name: str, value: str) -> Any:
    same = (AttributeRow.shard == Row.shard) & (AttributeRow.namespace == Row.namespace)
    mine = same & (AttributeRow.schedule_id == Row.schedule_id)
    return AttributeRow.select(SQL("1")).where(
        mine, AttributeRow.name == name, AttributeRow.value == value
    )


def _trim(tx: Any, events: list[ScheduleEvent]) -> None:
    """Keep the newest HISTORY_EVENTS_MAX events, and some more until the next look."""
    if not any(event.sequence % TRIM_EVERY == 0 for event in events):
        return
    last = events[-1]
    old = EventRow.sequence <= last.sequence - HISTORY_EVENTS_MAX
    EventRow.delete().where(_is(EventRow, last[:3]), old).execute(tx.database)


def _value(row: tuple[Any, ...]) -> Schedule:
    return Schedule._make(row)


def _is(model: Any, key: tuple[Any, ...]) -> Any:
    shard, namespace, schedule_id = key
    same = (model.shard == shard) & (model.namespace == namespace)
    return same & (model.schedule_id == schedule_id)
