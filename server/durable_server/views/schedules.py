"""Schedules as clients are shown them."""

from typing import Any

import orjson

from durable_server.clock import to_second_text
from durable_server.engine import schedule_state as state
from durable_server.engine.schedule_state import Schedule, ScheduleEvent, text_of
from durable_server.engine.schedule_times import SHOWN_MAX, shown_next, timing_of


def list_item(schedule: Schedule, now: int) -> dict[str, Any]:
    """A schedule in a list: without the input of its action, which may be large."""
    action = orjson.loads(schedule.action)
    action.pop("input", None)
    return {**_common(schedule, now), "action": action}


def description(schedule: Schedule, now: int) -> dict[str, Any]:
    """A schedule with how it has gone and when it fires next."""
    common = _common(schedule, now)
    return {
        **common,
        "action": orjson.Fragment(schedule.action),
        "state": {name: common[name] for name in ("status", "paused", "note")},
        "info": {
            **{name: common[name] for name in ("next_fire", "last_fire", "fires_count")},
            "failures_count": schedule.failures_count,
            "next_fire_times": _next_times(schedule, now),
            "recent_actions": orjson.Fragment(schedule.recent),
            "buffered_actions": [_buffered(each) for each in state.buffered(schedule)],
            "skipped_trigger_count": schedule.skipped_count,
            "last_skip_reason": schedule.last_skip_reason,
            "last_skipped_at": text_of(schedule.last_skipped_at),
        },
    }


def event(shown: ScheduleEvent) -> dict[str, Any]:
    """An event of a schedule's history."""
    return {
        "id": shown.event_id,
        "sequence": shown.sequence,
        "event_type": shown.event_type,
        "payload": orjson.Fragment(shown.payload),
        "workflow_instance_id": shown.workflow_id,
        "workflow_run_id": shown.run_id,
        "recorded_at": to_second_text(shown.recorded_at),
    }


def _common(schedule: Schedule, now: int) -> dict[str, Any]:
    next_fire = text_of(shown_next(schedule, now))
    last_fire = text_of(schedule.last_fired_at)
    return {
        "schedule_id": schedule.schedule_id,
        "namespace": schedule.namespace,
        "workflow_type": schedule.workflow_type,
        "status": schedule.status,
        "paused": schedule.status == "paused",
        "spec": orjson.Fragment(schedule.spec),
        "overlap_policy": schedule.overlap_policy,
        "note": schedule.note,
        "next_fire": next_fire,
        "next_fire_at": next_fire,
        "last_fire": last_fire,
        "last_fired_at": last_fire,
        "paused_at": text_of(schedule.paused_at),
        "fires_count": schedule.fires_count,
        "failures_count": schedule.failures_count,
        "jitter_seconds": schedule.jitter_seconds,
        "catch_up_window_seconds": schedule.catch_up_window_seconds,
        "max_runs": schedule.max_runs,
        "remaining_actions": schedule.remaining_actions,
        "memo": state.fragment(schedule.memo),
        "search_attributes": state.fragment(schedule.search_attributes),
        "latest_workflow_instance_id": schedule.latest_workflow_id,
        "created_at": to_second_text(schedule.created_at),
        "updated_at": to_second_text(schedule.updated_at),
    }


def _next_times(schedule: Schedule, now: int) -> list[str]:
    after = now if schedule.status == "paused" else (schedule.occurrence_at or now + 1) - 1
    firings = [] if schedule.occurrence_at is None else timing_of(schedule).following(after, 10)
    return [to_second_text(each.due_at) for each in firings[:SHOWN_MAX]]


def _buffered(entry: dict[str, Any]) -> dict[str, Any]:
    shown = {"buffered_at": entry["buffered_at"]}
    if "occurrence_at" in entry:
        shown["occurrence_time"] = to_second_text(entry["occurrence_at"])
    return shown
