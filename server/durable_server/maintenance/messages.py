"""The pass that delivers what runs have to tell each other and have not been able to."""

from typing import Any

from durable_server.advance.receipts import receipt_of
from durable_server.engine.run_state import Message
from durable_server.maintenance.passes import Due, PassReport, Sweep
from durable_server.refusal import Refusal
from durable_server.server import Server
from durable_server.store import messages as stored_messages


def deliver_messages(server: Server, now: int, limit: int) -> PassReport:
    """Put every undelivered message on its receiver's lane; receivers drop duplicates.

    A kind that is not known was written by a newer version of the server, which delivers it.
    """
    tried: list[tuple[Message, Due]] = []
    not_begun: set[str] = set()

    def find(tx: Any, now: int, limit: int) -> list[Message]:
        found = stored_messages.due_messages(tx, now, limit)
        # Looked at before delivery: what has left the outbox by now has begun before it.
        ends = [message for message in found if message.kind == "close_child"]
        not_begun.update(stored_messages.not_begun(tx, ends))
        return found

    def due_of(message: Message) -> Due:
        due = Due(message.message_id, receipt_of(message))
        tried.append((message, due))
        return due

    report = Sweep("messages", find, due_of).run(server, now, limit)
    for message, due in tried:
        if due.intent is None:
            continue
        if due.intent.pending.succeeded:
            server.lanes.forget(message)
        elif message.to_run_id not in not_begun and _has_no_receiver(message, due):
            server.lanes.forget(message)
            server.agenda.settle("messages", message.message_id)
    return report


def _has_no_receiver(message: Message, due: Due) -> bool:
    """Whether a child is to be stopped that is not there: it had begun, and has been removed."""
    pending = due.intent.pending if due.intent is not None else None
    if message.kind != "close_child" or pending is None or not pending.done:
        return False
    try:
        pending.result()
    except Refusal as refusal:
        return refusal.reason == "instance_not_found"
    except Exception:
        # The sweep has logged it, and tries again.
        return False
    return False
