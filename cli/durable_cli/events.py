"""How events look: one line each, with what matters most of their payloads."""

from typing import Any

from rich.text import Text

from durable_cli.cells import inline, instant
from durable_cli.table import Column

Body = dict[str, Any]
_NAMING = (
    *("activity_type", "child_workflow_type", "workflow_type", "signal_name", "update_name"),
    *("timer_id", "condition_key", "delay_seconds", "fire_at", "attempt_number", "outcome"),
    *("reason", "message", "exception_type", "failure_category"),
)
_BAD = ("Failed", "TimedOut", "Terminated", "Rejected")
_GOOD = ("WorkflowCompleted", "ActivityCompleted", "ChildRunCompleted", "UpdateCompleted")
_FACTS_MAX = 3
_WIDEST = 100
CLOSING = frozenset(
    {
        *("WorkflowCompleted", "WorkflowFailed", "WorkflowCancelled", "WorkflowTerminated"),
        *("WorkflowTimedOut", "WorkflowContinuedAsNew"),
    }
)


def styled(event_type: str) -> Text:
    """The type of an event: green where work is done, red where it failed."""
    if event_type.endswith(_BAD):
        return Text(event_type, style="red")
    return Text(event_type, style="green" if event_type in _GOOD else "")


def clock_of(event: Body) -> str:
    """The time of day of an event, to the millisecond."""
    when = instant(event.get("timestamp"))
    return when.strftime("%H:%M:%S.%f")[:-3] if when else ""


def facts(event: Body) -> str:
    """What an event is about, in a few words."""
    payload = event.get("payload")
    if not isinstance(payload, dict):
        return ""
    kept = [(name, payload[name]) for name in _NAMING if payload.get(name) not in (None, "", [])]
    told = "  ".join(f"{name}={inline(value)}" for name, value in kept[:_FACTS_MAX])
    return told if len(told) <= _WIDEST else told[: _WIDEST - 1] + "…"


EVENTS = [
    Column("#", "sequence", right=True),
    Column("TIME", clock_of),
    Column("EVENT", lambda event: styled(str(event.get("event_type")))),
    Column("ABOUT", facts),
]


def line(event: Body) -> Text:
    """An event as a line of its own, for a stream of them."""
    return Text.assemble(
        (f"{event.get('sequence'):>5}  ", "dim"),
        (f"{clock_of(event)}  ", "dim"),
        styled(f"{event.get('event_type')}"),
        "  ",
        (facts(event), "dim"),
    )
