"""What a pass is, and how it has rows carried out."""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from durable_server.advance.receipts import Receipt
from durable_server.pending import Pending
from durable_server.refusal import Refusal
from durable_server.server import Server

log = logging.getLogger(__name__)

ANSWER_SECONDS_MAX = 30.0
PASSING = frozenset({"lane_full", "shutting_down", "store_busy"})


class PassReport(NamedTuple):
    """What one pass found, did and could not do, and whether there is more to do now."""

    found: int = 0
    carried_out: int = 0
    refused: int = 0
    more: bool = False


class Due(NamedTuple):
    """One due row: its name within its pass, and the intent that deals with it, if we know one."""

    name: str
    intent: Receipt | None


def read(server: Server, query: Callable[..., Any], *arguments: Any) -> Any:
    """Run a query on a reading connection and wait for what it finds."""
    pending = server.read(query, *arguments)
    return answer_of(pending)


def answer_of(pending: Pending) -> Any:
    """Wait, within a bound, for an answer."""
    await_all([pending])
    if not pending.done:
        raise TimeoutError("no answer in time")
    return pending.result()


def await_all(pendings: list[Pending]) -> None:
    """Wait until all are answered, within a bound."""
    event, lock, left = threading.Event(), threading.Lock(), len(pendings)

    def count() -> None:
        nonlocal left
        with lock:
            left -= 1
            if left == 0:
                event.set()

    for pending in pendings:
        pending.on_answer(count)
    if pendings:
        event.wait(ANSWER_SECONDS_MAX)


class Sweep(NamedTuple):
    """A pass that finds due rows with one query and puts an intent for each on its lane."""

    kind: str
    find: Callable[..., Iterable[Any]]
    to_due: Callable[[Any], Due]

    def run(self, server: Server, now: int, limit: int) -> PassReport:
        """One bounded sweep; rows refused before stand behind the others."""
        agenda = server.agenda
        behind = agenda.postponed(self.kind, now)
        rows = list(read(server, self.find, now, limit + len(behind)))
        every = [self.to_due(row) for row in rows]
        due = [each for each in every if each.name not in behind][:limit]
        await_all([server.lanes.put(each.intent) for each in due if each.intent is not None])
        refused = sum(not self._judge(server, each, now) for each in due)
        return PassReport(len(due), len(due) - refused, refused, len(due) == limit)

    def _judge(self, server: Server, due: Due, now: int) -> bool:
        if due.intent is None:
            server.agenda.postpone(self.kind, due.name, now)
            return False
        try:
            if not due.intent.pending.done:
                return False
            due.intent.pending.result()
        except Refusal as refusal:
            if refusal.reason not in PASSING:
                server.agenda.postpone(self.kind, due.name, now)
            return False
        except Exception as error:
            log.error(
                "a due row failed", extra={"pass": self.kind, "row": due.name}, exc_info=error
            )
            server.agenda.postpone(self.kind, due.name, now)
            return False
        server.agenda.settle(self.kind, due.name)
        return True
