"""`start_timer`: the workflow sleeps, durably."""

from typing import Any, NamedTuple

from durable_server.engine import timer
from durable_server.engine.commands.fields import Fields
from durable_server.engine.commands.groups import parse_group
from durable_server.engine.decision import Draft


class StartTimer(NamedTuple):
    """How long, and the parallel fields to echo."""

    delay_seconds: int
    group: dict[str, Any] | None


def parse(fields: Fields) -> StartTimer:
    """Read the command."""
    delay = fields.integer("delay_seconds", least=0)
    if fields.raw.get("delay_seconds") is None:
        text = "Start timer commands require a non-negative integer delay_seconds."
        fields.problem("delay_seconds", text)
    return StartTimer(delay or 0, parse_group(fields))


def apply(draft: Draft, command: StartTimer, batch: Any) -> str:
    """Schedule the timer; returns its id."""
    return timer.schedule(draft, command.delay_seconds, batch.barrier, command.group)
