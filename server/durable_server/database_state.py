"""Whether the database answers and is migrated: looked at again until both are so."""

import logging
import threading
from collections.abc import Callable
from typing import Any

from durable_server.store import capabilities, migrate
from durable_server.store.errors import StoreBusy, StoreLost

log = logging.getLogger("durable_server.database")

LOOK_SECONDS = 1.0


class DatabaseState:
    """What is known of the database; `settled` once it may be used."""

    def __init__(self, store: Any) -> None:
        self.settled = False
        self.missing: tuple[str, ...] = ()
        self.capabilities: dict[str, bool] = {}
        self._store = store
        self._told = ""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, on_settled: Callable[[], None]) -> None:
        """Look at once, and then on a thread until all is well; then call `on_settled`."""
        if self.look():
            on_settled()
            return
        self._thread = threading.Thread(
            target=self._run, args=(on_settled,), name="database-state", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def look(self) -> bool:
        """Ask the database once; gives whether it may be used."""
        try:
            self.capabilities = capabilities.probe(self._store)
            self.missing = tuple(migrate.pending(self._store))
        except (StoreBusy, StoreLost) as error:
            self._tell(f"the database does not answer: {type(error).__name__}")
            return False
        if self.missing:
            self._tell("the database is not migrated; run durable-server migrate --apply")
            return False
        self.settled = True
        return True

    def _run(self, on_settled: Callable[[], None]) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            if self.look():
                log.info("the database is ready")
                on_settled()
                return

    def _tell(self, text: str) -> None:
        # Once for each state, not once a second.
        if text != self._told:
            log.error(text)
            self._told = text
