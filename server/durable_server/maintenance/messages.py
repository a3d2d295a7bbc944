"""The pass that delivers what runs have to tell each other and have not been able to."""

from durable_server.advance.receipts import receipt_of
from durable_server.engine.run_state import Message
from durable_server.maintenance.passes import Due, PassReport, Sweep
from durable_server.server import Server
from durable_server.store import messages as stored_messages


def deliver_messages(server: Server, now: int, limit: int) -> PassReport:
    """Put every undelivered message on its receiver's lane; receivers drop duplicates.

    A kind that is not known was written by a newer version of the server, which delivers it.
    """
    tried: list[tuple[Message, Due]] = []

    def due_of(message: Message) -> Due:
        due = Due(message.message_id, receipt_of(message))
        tried.append((message, due))
        return due

    report = Sweep("messages", stored_messages.due_messages, due_of).run(server, now, limit)
    for message, due in tried:
        if due.intent is not None and due.intent.pending.succeeded:
            server.lanes.forget(message)
    return report
