"""The payloads of timer events: what they have in common, and how a timer ends unfired."""

from typing import Any

import orjson

from durable_server.clock import to_micro_text
from durable_server.engine.run_state import Timer


def identity(timer: Timer) -> dict[str, Any]:
    """Which timer, for which step; one that bounds a wait also names its kind and that wait."""
    return {
        "timer_id": timer.timer_id,
        "sequence": timer.step,
        "delay_seconds": timer.delay_seconds,
        "fire_at": to_micro_text(timer.fire_at),
        **({} if timer.kind is None else {"timer_kind": timer.kind}),
        **(orjson.loads(timer.wait) if timer.wait else {}),
        **(orjson.loads(timer.group) if timer.group else {}),
    }


def cancelled(timer: Timer, now: int) -> dict[str, Any]:
    """TimerCancelled."""
    return {**identity(timer), "cancelled_at": to_micro_text(now)}
