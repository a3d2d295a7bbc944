"""Schedules: create, list, describe, update, delete, pause, resume, trigger, backfill, history."""

from datetime import UTC, datetime, timedelta
from typing import Any

from durable_server import schedule_list
from durable_server.advance.receipts import receipt_of
from durable_server.advance.schedules import ChangeSchedule
from durable_server.attribution import command_of
from durable_server.call import Call, Reply
from durable_server.clock import to_second_text
from durable_server.engine import schedule as engine
from durable_server.engine import schedule_firing as firing
from durable_server.engine.schedule_spec import compile_spec, instant_of, spec_problems
from durable_server.engine.schedule_state import Schedule, ScheduleDecision, existing
from durable_server.external_payloads import verified
from durable_server.ids import new_plain_id, shard_of
from durable_server.refusal import Refusal, invalid
from durable_server.schedule_input import changes_of, check, schedule_of, without_nulls
from durable_server.store import schedules as stored
from durable_server.views import schedules as shown

PAGE_SIZE_DEFAULT = 50
EVENTS_DEFAULT, EVENTS_MAX = 100, 500
PREVIEW_DEFAULT = 10
Fields = dict[str, Any]


async def create(call: Call, body: Fields) -> Reply:
    """A new schedule."""
    schedule = schedule_of(call, body)
    await verified(call, body["action"].get("input"), "action.input")
    paused = body.get("paused") in (True, 1, "1")
    wanted = engine.Creation(schedule, paused, _context(call, body))
    change = ChangeSchedule(
        call.namespace,
        schedule.schedule_id,
        lambda found, moment, around: engine.create(found, moment, wanted),
    )
    return Reply(201, (await call.server.lanes.put(change)).answer)


async def list(
    call: Call,
    status: str | None = None,
    workflow_type: str | None = None,
    query: str | None = None,
    page_size: int = PAGE_SIZE_DEFAULT,
    next_page_token: str | None = None,
) -> Reply:
    """Schedules of the namespace, newest first, one page."""
    given = {"status": status, "workflow_type": workflow_type, "query": query}
    place = {"namespace": call.namespace, **without_nulls(given)}
    wanted = _filter(call.namespace, status, workflow_type, query)
    cursor = schedule_list.cursor_of(place, next_page_token)
    if wanted is None:
        rows: Any = []
    else:
        rows = await call.server.read(stored.list_schedules, wanted, cursor, page_size + 1)
    page, token = rows[:page_size], None
    if len(rows) > page_size:
        token = schedule_list.token_of(place, page[-1].created_at, page[-1].schedule_id)
    now = call.server.clock.now()
    items = [shown.list_item(each, now) for each in page]
    return Reply(200, {"schedules": items, "schedule_count": len(items), "next_page_token": token})


async def describe(call: Call, schedule_id: str) -> Reply:
    """One schedule."""
    schedule = await _find(call, schedule_id)
    if schedule is None or schedule.deleted:
        raise _absent(call, schedule_id)
    return Reply(200, shown.description(schedule, call.server.clock.now()))


async def update(call: Call, body: Fields, schedule_id: str) -> Reply:
    """Change what is given."""
    found = await _find(call, schedule_id)
    if found is None or found.deleted:
        raise _absent(call, schedule_id)
    check(call, body)
    await verified(call, (body.get("action") or {}).get("input"), "action.input")
    context = _context(call, body)
    decision = await _change(
        call,
        schedule_id,
        lambda found, moment, around: engine.update(
            found, moment, changes_of(body, existing(found)), context
        ),
    )
    return Reply(200, decision.answer)


async def delete(call: Call, schedule_id: str) -> Reply:
    """Leave nothing of a schedule but its history."""
    context = _context(call, {})
    decision = await _change(
        call, schedule_id, lambda found, moment, around: engine.delete(found, moment, context)
    )
    return Reply(200, decision.answer)


async def pause(call: Call, body: Fields, schedule_id: str) -> Reply:
    """Have a schedule fire no more."""
    context = _context(call, body)
    decision = await _change(
        call,
        schedule_id,
        lambda found, moment, around: engine.pause(found, moment, body.get("note"), context),
    )
    return Reply(200, decision.answer)


async def resume(call: Call, body: Fields, schedule_id: str) -> Reply:
    """Have a paused schedule fire again."""
    wish = engine.Resumption(body.get("note"), _context(call, body))
    decision = await _change(
        call,
        schedule_id,
        lambda found, moment, around: engine.resume(found, moment, around, wish),
    )
    return Reply(200, decision.answer)


async def trigger(call: Call, body: Fields, schedule_id: str) -> Reply:
    """Have a schedule fire now."""
    wanted = _trigger(call, body)
    decision = await _change(
        call,
        schedule_id,
        lambda found, moment, around: firing.trigger(found, moment, around, wanted),
    )
    return Reply(200, decision.answer)


async def backfill(call: Call, body: Fields, schedule_id: str) -> Reply:
    """Have a schedule fire for a range of the past."""
    found = await _find(call, schedule_id)
    if found is None or found.deleted:
        raise _absent(call, schedule_id)
    start, end = _instant("start_time", body), _instant("end_time", body)
    if end <= start:
        raise Refusal("invalid_time_range")
    wanted = firing.Backfill(start, end, _trigger(call, body))
    decision = await _change(
        call,
        schedule_id,
        lambda found, moment, around: firing.backfill(found, moment, around, wanted),
    )
    return Reply(200, decision.answer)


async def history(
    call: Call, schedule_id: str, limit: str | None = None, after_sequence: str | None = None
) -> Reply:
    """What happened to a schedule, one page; also after it was deleted."""
    after = (after_sequence or "0").strip()
    if not (after.isascii() and after.isdigit() and len(after) < 18):
        raise Refusal("invalid_after_sequence")
    schedule = await _find(call, schedule_id)
    if schedule is None:
        raise _absent(call, schedule_id)
    count = _limit(limit)
    rows = await call.server.read(stored.list_schedule_events, schedule.key, int(after), count + 1)
    page, more = rows[:count], len(rows) > count
    body = {
        "schedule_id": schedule_id,
        "namespace": call.namespace,
        "events": [shown.event(each) for each in page],
        "next_cursor": page[-1].sequence if more else None,
        "has_more": more,
    }
    return Reply(200, body)


async def preview(call: Call, body: Fields) -> Reply:
    """The next occurrences of a spec."""
    errors = spec_problems(body["spec"])
    if errors:
        raise invalid(errors)
    spec = compile_spec(without_nulls(body["spec"]))
    at = _instant("after", body) if body.get("after") else call.server.clock.now()
    times: Any = []
    while len(times) < (body.get("count") or PREVIEW_DEFAULT):
        following = spec.next_after(at)
        if following is None:
            break
        at = following
        local = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
        times.append(
            {
                "fire_time": to_second_text(at),
                "local_time": local.astimezone(spec.zone or UTC).isoformat(timespec="seconds"),
            }
        )
    zone = "UTC" if spec.zone is None else spec.zone.key
    return Reply(200, {"timezone": zone, "fire_times": times})


async def _change(call: Call, schedule_id: str, change: Any) -> ScheduleDecision:
    """Change a schedule, and have the runs that it starts and stops follow before the reply."""
    wish = ChangeSchedule(call.namespace, schedule_id, change)
    try:
        decision: ScheduleDecision = await call.server.lanes.put(wish)
    except Refusal as refusal:
        if refusal.reason == "schedule_not_found":
            raise _absent(call, schedule_id) from None
        raise
    receipts = [receipt_of(message) for message in decision.messages]
    for pending in [call.server.lanes.put(each) for each in receipts if each is not None]:
        try:
            await pending
        except Refusal:
            # The pass that delivers messages does it later; the schedule's part is written.
            continue
    return decision


async def _find(call: Call, schedule_id: str) -> Schedule | None:
    key = (shard_of(call.namespace, schedule_id), call.namespace, schedule_id)
    found: Schedule | None = await call.server.read(stored.find_schedule, key)
    return found


def _filter(
    namespace: str, status: str | None, workflow_type: str | None, query: str | None
) -> stored.ScheduleFilter | None:
    """The filter that all conditions make together; None when no schedule can fit."""
    fields = without_nulls({"status": status, "workflow_type": workflow_type})
    attributes = []
    for name, value in schedule_list.parse(query) if query and query.strip() else ():
        column = schedule_list.FIELDS.get(name)
        if column is None:
            attributes.append((name, stored.attribute_text(value)))
            continue
        value = value.lower() if column == "status" else value
        if fields.setdefault(column, value) != value:
            return None
    return stored.ScheduleFilter(namespace, **fields, attributes=tuple(attributes))


def _trigger(call: Call, body: Fields) -> firing.Trigger:
    return firing.Trigger(new_plain_id(), body.get("overlap_policy"), _context(call, body))


def _context(call: Call, body: Fields) -> Fields:
    return {"source": "control_plane", **command_of(call, body)}


def _limit(text: str | None) -> int:
    found = int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else 0
    return min(found or EVENTS_DEFAULT, EVENTS_MAX)


def _instant(name: str, body: Fields) -> int:
    instant = instant_of(body[name])
    if instant is None:
        raise invalid({name: [f"The {name.replace('_', ' ')} field must be a valid date."]})
    return instant


def _absent(call: Call, schedule_id: str) -> Refusal:
    return Refusal("schedule_not_found", schedule_id=schedule_id, namespace=call.namespace)
