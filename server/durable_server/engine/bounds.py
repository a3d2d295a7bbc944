"""Keeping a run within the structural limits: what would exceed one is refused."""

from typing import Any

from durable_server.engine.decision import Draft
from durable_server.engine.limits import Limits
from durable_server.refusal import Refusal

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

    `facts` explain the refusal to whoever asked.
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
