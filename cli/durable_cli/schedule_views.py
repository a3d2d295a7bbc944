"""How schedules look."""

from typing import Any

from durable_cli.cells import ago, inline, moment, status
from durable_cli.table import Column, Details, listed

Body = dict[str, Any]
_ROOM = 10_000


def times_of(body: Body) -> str | None:
    """When a schedule fires, in one line."""
    spec = body.get("spec") or {}
    told = [
        *(spec.get("cron_expressions") or []),
        *(f"every {each.get('every')}" for each in spec.get("intervals") or []),
        *(inline(each) for each in spec.get("calendars") or []),
    ]
    zone = spec.get("timezone")
    return "; ".join(told) + (f" ({zone})" if zone and told else "") or None


SCHEDULES = [
    Column("SCHEDULE ID", "schedule_id"),
    Column("STATUS", lambda each: status(each.get("status"))),
    Column("TIMES", times_of, drop=2),
    Column("STARTS", "workflow_type", drop=1),
    Column("NEXT", lambda each: ago(each.get("next_fire"))),
    Column("LAST", lambda each: ago(each.get("last_fire")), drop=4),
    Column("FIRED", "fires_count", right=True),
    Column("OVERLAP", "overlap_policy", drop=5),
    Column("NOTE", "note", drop=3),
]
OCCURRENCES = [
    Column("OCCURRENCE", lambda each: moment(each.get("fire_time"))),
    Column("OUTCOME", lambda each: status(each.get("outcome"))),
    Column("WORKFLOW ID", "workflow_id"),
    Column("REASON", "reason", drop=1),
]
FIRES = [
    Column("FIRES", lambda each: moment(each.get("fire_time"))),
    Column("LOCAL TIME", "local_time", drop=1),
]
EVENTS = [
    Column("#", "sequence", right=True),
    Column("WHEN", lambda each: ago(each.get("recorded_at"))),
    Column("EVENT", "event_type"),
    Column("OUTCOME", lambda each: each["payload"].get("outcome") or each["payload"].get("reason")),
    Column("WORKFLOW ID", "workflow_instance_id", drop=1),
]
_RECENT = [
    Column("FIRED", lambda each: ago(each.get("fired_at"))),
    Column("OUTCOME", lambda each: status(each.get("outcome"))),
    Column("WORKFLOW ID", "workflow_id"),
    Column("ENDED AS", lambda each: status(each["status"]) if each.get("status") else None),
]


def _skipped(info: Body) -> str | None:
    """How often the schedule did not fire where it was due, and why it did not lately."""
    count = info.get("skipped_trigger_count")
    return f"{count}, lately {info.get('last_skip_reason')}" if count else None


def details(body: Body) -> Details:
    """A schedule, described."""
    action, info = body.get("action") or {}, body.get("info") or {}
    recent = info.get("recent_actions") or []
    upcoming = [moment(each) for each in info.get("next_fire_times") or []]
    rows = [
        ("fires", times_of(body)),
        ("starts", action.get("workflow_type")),
        ("task queue", action.get("task_queue")),
        ("overlap policy", body.get("overlap_policy")),
        ("jitter", f"{body['jitter_seconds']} s" if body.get("jitter_seconds") else None),
        ("next", moment(body["next_fire"]) if body.get("next_fire") else None),
        ("last", moment(body["last_fire"]) if body.get("last_fire") else None),
        ("fired", body.get("fires_count")),
        ("failed", body.get("failures_count") or None),
        ("skipped", _skipped(info)),
        ("may still start", body.get("remaining_actions")),
        ("waiting in the buffer", len(info.get("buffered_actions") or []) or None),
        ("note", body.get("note")),
        ("created", moment(body.get("created_at"))),
    ]
    blocks = [
        ("Input", action.get("input")),
        (
            "Next occurrences",
            listed([{"at": at} for at in upcoming], [Column("", "at")], _ROOM)
            if upcoming
            else None,
        ),
        ("Last starts", listed(recent, _RECENT, _ROOM) if recent else None),
        ("Memo", body.get("memo")),
        ("Search attributes", body.get("search_attributes")),
    ]
    return Details(str(body.get("schedule_id")), status(body.get("status")), rows, blocks)
