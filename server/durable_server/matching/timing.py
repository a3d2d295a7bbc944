"""Waiting for an answer for no longer than some seconds."""

from typing import Any

from durable_server.matching.timers import Timers
from durable_server.pending import Pending
from durable_server.server import Server


async def wait_at_most(timers: Timers, pending: Pending, seconds: float) -> Any:
    """The answer, or None when it did not come in time."""
    alarm = timers.call_in(seconds, lambda: pending)
    try:
        return await pending
    finally:
        timers.cancel(alarm)


async def wait_until_changed(server: Server, watch: Pending, seconds: float) -> bool:
    """Wait for a watched run to get an event; False when none came in time."""
    changed = await wait_at_most(server.matcher.timers, watch, seconds)
    return bool(changed)
