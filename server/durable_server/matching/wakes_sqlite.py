"""Wakes between processes that share a database file, which cannot be pushed: it is looked at."""

import logging
import threading
from typing import Any

from durable_server.matching.channels import Channel
from durable_server.matching.wakes import (
    BACKOFF_SECONDS_MIN,
    OnChannel,
    OnEverything,
    OnRuns,
    Subscribers,
    nothing,
)

log = logging.getLogger(__name__)


class SqliteWakes:
    """One thread that looks at the file's version, a number that every commit changes.

    It does not say what was changed, so everything that is waited for is looked at.
    """

    kind = "sqlite"

    def __init__(self, store: Any, server_id: str, seconds: float) -> None:
        self.connected = False
        self._store, self.seconds = store, seconds
        self._subscribers = Subscribers(server_id)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wakes", daemon=True)

    def publish(self, channels: set[Channel], runs: set[str]) -> None:
        """Runs have changed; other processes see it by the file."""
        self._subscribers.runs(runs)

    def subscribe(
        self, on_channel: OnChannel, on_runs: OnRuns, on_everything: OnEverything = nothing
    ) -> None:
        """Tell of every wake from now on."""
        self._subscribers.add(on_channel, on_runs, on_everything)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look()
            except Exception as error:
                # Whatever the driver raises: without wakes queues are looked at by the clock.
                log.warning("wakes are cut off", extra={"error": type(error).__name__})
            finally:
                self.connected = False
            self._stopping.wait(BACKOFF_SECONDS_MIN)

    def _look(self) -> None:
        database = self._store.new_database()
        database.connect()
        try:
            seen = _version(database)
            self.connected = True
            while not self._stopping.wait(self.seconds):
                now = _version(database)
                if now != seen:
                    seen = now
                    self._subscribers.everything()
        finally:
            database.close()


def _version(database: Any) -> int:
    version: int = database.execute_sql("PRAGMA data_version").fetchone()[0]
    return version
