"""Threads with a reading connection each, so that no query holds up the event loop."""

import queue
import threading
from collections.abc import Callable
from typing import Any

from durable_server.pending import Pending
from durable_server.refusal import Refusal
from durable_server.store.database import Store
from durable_server.store.errors import StoreBusy, StoreLost, StoreSlow

READERS = 4
WAITING_MAX = 4096
TRIES_MAX = 2


class Readers:
    """Run queries in read transactions; what the database cannot do now is refused."""

    def __init__(self, store: Store, count: int = READERS) -> None:
        self._store = store
        self._wanted: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name=f"reader-{number}", daemon=True)
            for number in range(count)
        ]

    def run(
        self,
        query: Callable[..., Any],
        *arguments: Any,
        snapshot: bool = False,
        milliseconds_max: int = 0,
        **options: Any,
    ) -> Pending:
        """Run `query(transaction, *arguments)` on one of the threads.

        `snapshot`: everything that it reads is of one moment. `milliseconds_max`: a statement that
        takes longer ends with StoreSlow; 0: none does.
        """
        pending = Pending()
        if self._wanted.qsize() >= WAITING_MAX:
            pending.answer(error=Refusal("store_busy"))
        else:
            opening = {"snapshot": snapshot, "milliseconds_max": milliseconds_max}
            self._wanted.put((pending, query, arguments, options, opening))
        return pending

    @property
    def waiting(self) -> int:
        """How many queries wait for a thread."""
        return self._wanted.qsize()

    def start(self) -> None:
        """Begin to read."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End once what is queued has been read."""
        for _ in self._threads:
            self._wanted.put(None)

    def _run(self) -> None:
        connection = self._store.connect()
        while (wanted := self._wanted.get()) is not None:
            pending, query, arguments, options, opening = wanted
            try:
                value = _ask(connection, query, arguments, options, opening)
            except StoreSlow as error:
                limited = opening["milliseconds_max"]
                pending.answer(error=error if limited else Refusal("store_busy"))
            except (StoreBusy, StoreLost):
                pending.answer(error=Refusal("store_busy"))
            except BaseException as error:
                pending.answer(error=error)
            else:
                pending.answer(value)
        connection.close()


def _ask(
    connection: Any,
    query: Callable[..., Any],
    arguments: Any,
    options: dict[str, Any],
    opening: dict[str, Any],
) -> Any:
    """Ask, and once more on a new connection: the old one may have been lost while it was idle."""
    for tries_left in reversed(range(TRIES_MAX)):
        try:
            with connection.transaction(write=False, **opening) as tx:
                return query(tx, *arguments, **options)
        except (StoreBusy, StoreLost) as error:
            if not tries_left or isinstance(error, StoreSlow):
                raise
    raise AssertionError
