"""What clients do with schedules, except having them fire: create, update, pause, resume, delete.

Every decision is one about a row that is locked. The ids that a request makes come with it, so that
carrying it out again after a lost connection recognises its own trace.
"""

from typing import Any, NamedTuple

from durable_server.clock import SECOND
from durable_server.engine import schedule_firing
from durable_server.engine.decision import Moment
from durable_server.engine.schedule_firing import Around
from durable_server.engine.schedule_state import (
    Schedule,
    ScheduleDecision,
    ScheduleDraft,
    existing,
    fragment,
    next_fire,
    text_of,
)
from durable_server.engine.schedule_times import timing_of
from durable_server.refusal import Refusal

# Fields of an update that are columns of the same name.
PLAIN = (
    *("spec", "action", "workflow_type", "task_queue", "overlap_policy", "jitter_seconds"),
    *("catch_up_window_seconds", "note", "memo", "search_attributes"),
)
TOLD = tuple(name for name in PLAIN if name not in ("workflow_type", "task_queue"))


class Creation(NamedTuple):
    """A schedule to create: its row without what time and history add to it."""

    schedule: Schedule
    paused: bool
    context: dict[str, Any]


class Resumption(NamedTuple):
    """A wish to have a paused schedule go on; `note` replaces that of the schedule."""

    note: str | None
    context: dict[str, Any]


def create(found: Schedule | None, moment: Moment, wanted: Creation) -> ScheduleDecision:
    """A new schedule; the id of a deleted one may be used again, and its history goes on."""
    schedule = wanted.schedule
    if found is not None and not found.deleted:
        if found.uid == schedule.uid:
            return ScheduleDecision(found, _answer(found, "created"))
        raise Refusal(
            "schedule_already_exists",
            schedule_id=schedule.schedule_id,
            namespace=schedule.namespace,
        )
    now = moment.now
    sequence = 0 if found is None else found.last_sequence
    schedule = schedule._replace(last_sequence=sequence, created_at=now, updated_at=now)
    draft = ScheduleDraft(_planned(schedule, now), moment, wanted.context)
    draft.record("ScheduleCreated", _definition(draft.schedule))
    if wanted.paused:
        _pause(draft, draft.schedule.note)
    return draft.done(_answer(schedule, "created"), new=found is None)


def update(
    found: Schedule | None, moment: Moment, changes: dict[str, Any], context: dict[str, Any]
) -> ScheduleDecision:
    """Change what was given; when it fires next is computed anew."""
    schedule = existing(found)
    changed = [name for name in TOLD if name in changes and changes[name] != schedule[_at(name)]]
    values = {name: changes[name] for name in PLAIN if name in changes}
    if "max_runs" in changes:
        if changes["max_runs"] != schedule.max_runs:
            changed.append("max_runs")
        values["max_runs"] = changes["max_runs"]
        if changes["max_runs"] > schedule.fires_count:
            remaining = changes["max_runs"] - schedule.fires_count
            if remaining != schedule.remaining_actions:
                changed.append("remaining_actions")
            values["remaining_actions"] = remaining
    draft = ScheduleDraft(schedule, moment, context)
    draft.change(**values)
    draft.schedule = _planned(draft.schedule, moment.now)
    draft.record("ScheduleUpdated", {"changed_fields": changed, **_definition(draft.schedule)})
    return draft.done(_answer(schedule, "updated"))


def pause(
    found: Schedule | None, moment: Moment, note: str | None, context: dict[str, Any]
) -> ScheduleDecision:
    """Have the schedule fire no more until it is resumed."""
    schedule = existing(found)
    draft = ScheduleDraft(schedule, moment, context)
    if note is not None:
        draft.change(note=note)
    _pause(draft, note)
    return draft.done(_answer(schedule, "paused"))


def resume(
    found: Schedule | None, moment: Moment, around: Around, wish: Resumption
) -> ScheduleDecision:
    """Have a paused schedule fire again, from now on; what is buffered goes on."""
    schedule = existing(found)
    if schedule.status != "paused":
        raise Refusal("schedule_not_paused", schedule_id=schedule.schedule_id)
    draft = ScheduleDraft(schedule, moment, wish.context)
    draft.change(status="active", paused_at=None)
    if wish.note is not None:
        draft.change(note=wish.note)
    draft.schedule = _planned(draft.schedule, moment.now)
    draft.record("ScheduleResumed", _told(next_fire_at=text_of(next_fire(draft.schedule))))
    schedule_firing.drain(draft, around)
    return draft.done(_answer(schedule, "resumed"))


def delete(found: Schedule | None, moment: Moment, context: dict[str, Any]) -> ScheduleDecision:
    """Leave nothing of the schedule but its history, and that for a while."""
    schedule = existing(found)
    draft = ScheduleDraft(schedule, moment, context)
    schedule_firing.end(draft, "deleted")
    return draft.done(_answer(schedule, "deleted"))


def _pause(draft: ScheduleDraft, reason: str | None) -> None:
    draft.change(status="paused", paused_at=draft.now)
    told = _told(reason=reason, paused_at=text_of(draft.now))
    draft.record("SchedulePaused", told)


def _planned(schedule: Schedule, now: int) -> Schedule:
    """The schedule with its next firing after now."""
    firing = timing_of(schedule).after(now // SECOND * SECOND)
    if firing is None:
        return schedule._replace(occurrence_at=None, due_at=None)
    return schedule._replace(occurrence_at=firing.occurrence_at, due_at=firing.due_at)


def _definition(schedule: Schedule) -> dict[str, Any]:
    return _told(
        spec=fragment(schedule.spec),
        action=fragment(schedule.action),
        overlap_policy=schedule.overlap_policy,
        next_fire_at=text_of(next_fire(schedule)),
    )


def _answer(schedule: Schedule, outcome: str) -> dict[str, Any]:
    return {"schedule_id": schedule.schedule_id, "outcome": outcome}


def _at(name: str) -> int:
    return Schedule._fields.index(name)


def _told(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
