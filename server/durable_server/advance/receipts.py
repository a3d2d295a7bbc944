"""How a message between runs and schedules becomes an intent of its receiver, by kind.

A message may come more than once and late. Receivers know by their own state what they have had.
"""

from collections.abc import Callable

from durable_server.advance import children, schedules
from durable_server.advance.intents import Intent
from durable_server.advance.schedules import ChangeSchedule
from durable_server.engine.run_state import Message

Receipt = Intent | ChangeSchedule
RECEIPTS: dict[str, Callable[[Message], Receipt]] = {
    "start_child": children.start_child,
    "child_started": children.child_started,
    "child_closed": children.child_closed,
    "close_child": children.close_child,
    "start_scheduled": schedules.start_scheduled,
    "stop_scheduled": schedules.stop_scheduled,
    "scheduled_run_closed": schedules.scheduled_run_closed,
}


def receipt_of(message: Message) -> Receipt | None:
    """The intent of the receiver; None for a kind that a newer version of the server wrote."""
    receipt = RECEIPTS.get(message.kind)
    return None if receipt is None else receipt(message)
