"""How a message that one run sends another becomes an intent of its receiver, by kind.

A message may come more than once and late. Receivers know by their own state what they have had.
"""

from collections.abc import Callable

from durable_server.advance import children
from durable_server.advance.intents import Intent
from durable_server.engine.run_state import Message

RECEIPTS: dict[str, Callable[[Message], Intent]] = {
    "start_child": children.start_child,
    "child_started": children.child_started,
    "child_closed": children.child_closed,
    "close_child": children.close_child,
}


def receipt_of(message: Message) -> Intent | None:
    """The intent of the receiver; None for a kind that a newer version of the server wrote."""
    receipt = RECEIPTS.get(message.kind)
    return None if receipt is None else receipt(message)
