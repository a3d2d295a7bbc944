"""Keeping a run within the structural limits: what would exceed one is refused."""

from typing import Any

from durable_server.engine.decision import Draft
from durable_server.engine.limits import Limits
from durable_server.refusal import Refusal

# How near a history is to its budget; the last one asks for a continuation.
OK, APPROACHING, RECOMMENDED = "ok", "approaching", "continue_as_new_recommended"
PRESSURES = (OK, APPROACHING, RECOMMENDED)

_LIMITS = {
    "pending_activity_count": "pending_activities_max",
    "pending_child_count": "pending_children_max",
    "pending_timer_count": "pending_timers_max",
    "pending_signal_count": "pending_signals_max",
    "pending_update_count": "pending_updates_max",
    "command_batch_size": "commands_per_task_max",
    "history_transaction_size": "events_per_transaction_max",
    "payload_size": "payload_bytes_max",
    "memo_size": "memo_bytes_max",
    "search_attribute_size": "search_attribute_bytes_max",
}


def limit_of(limits: Limits, kind: str) -> int:
    """The bound of this kind; 0 means that there is none."""
    bound: int = getattr(limits, _LIMITS[kind])
    return bound


def keep(draft: Draft, kind: str, before: int, value: int, **facts: Any) -> None:
    """Refuse what would take a quantity of the run from `before` beyond its bound.

    `facts` explain the refusal to whoever asked. What takes it across the share of its bound from
    which that is to be told, is told.
    """
    limit = limit_of(draft.moment.limits, kind)
    if 0 < limit < value:
        raise Refusal(
            "structural_limit_exceeded",
            **facts,
            limit_kind=kind,
            current_value=value,
            configured_limit=limit,
        )
    near = limit * draft.moment.limits.warning_percent
    if before * 100 < near <= value * 100:
        draft.warn(kind, value, limit)


def pressure(limits: Limits, events: int, size_bytes: int, fan_out: int) -> dict[str, str]:
    """How near a history is to its budget, by dimension."""
    return {
        "event_count": _pressure(events, limits.history_events_soft, limits.history_events_hard),
        "size_bytes": _pressure(size_bytes, limits.history_bytes_soft, limits.history_bytes_hard),
        "fan_out": _pressure(fan_out, limits.history_fan_out_soft, limits.history_fan_out_hard),
    }


def _pressure(value: int, soft: int, hard: int) -> str:
    if 0 < hard <= value:
        return RECOMMENDED
    return APPROACHING if 0 < soft <= value else OK
