"""The pass that delivers what runs have to tell each other and have not been able to."""

from collections.abc import Callable

from durable_server.advance.intents import Intent
from durable_server.engine.run_state import Message
from durable_server.maintenance.passes import Due, PassReport, Sweep
from durable_server.server import Server
from durable_server.store import messages as stored_messages

# How a message of each kind becomes an intent of its receiver; kinds come with their commands.
RECEIPTS: dict[str, Callable[[Message], Intent]] = {}


def deliver_messages(server: Server, now: int, limit: int) -> PassReport:
    """Put every undelivered message on its receiver's lane; receivers drop duplicates."""
    return Sweep("messages", stored_messages.due_messages, _due).run(server, now, limit)


def _due(row: Message) -> Due:
    receipt = RECEIPTS.get(row.kind)
    # A kind that is not known was written by a newer version of the server, which delivers it.
    return Due(row.message_id, receipt(row) if receipt is not None else None)
