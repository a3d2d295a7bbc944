"""Several server processes that share one listening socket, started anew when one ends."""

import logging
import multiprocessing
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

from durable_server.clock import monotonic_seconds
from durable_server.config import Settings
from durable_server.telemetry.siblings import Place

log = logging.getLogger("durable_server.processes")

STOP_SECONDS_MAX = 9.0
RESTART_SECONDS_MIN = 1.0


class Sockets(NamedTuple):
    """The listening sockets that processes share: that of the API, and that of metrics if any."""

    api: socket.socket
    metrics: socket.socket | None


Child = Callable[[Settings, Sockets, Place], None]


class Processes:
    """Starts `child(settings, sockets, place)` in every process, and stops them all when asked."""

    def __init__(self, settings: Settings, sockets: Sockets, child: Child) -> None:
        self._settings, self._sockets, self._child = settings, sockets, child
        self._folder = tempfile.TemporaryDirectory(prefix="durable-")
        # Not forked: the libraries below must not find themselves in a copy of another process.
        self._context = multiprocessing.get_context("spawn")
        self._running: dict[int, BaseProcess] = {}
        self._started_at: dict[int, float] = {}
        self._stopping = False
        self._heard, self._tell = os.pipe()

    def run(self) -> None:
        """Return once every process has ended after SIGTERM or SIGINT."""
        for asked in (signal.SIGTERM, signal.SIGINT):
            signal.signal(asked, self._stop)
        for number in range(self._settings.processes):
            self._start(number)
        while not self._stopping:
            self._watch()
        self._end()

    def _stop(self, *_: Any) -> None:
        self._stopping = True
        os.write(self._tell, b"\0")

    def _start(self, number: int) -> None:
        name = f"{self._settings.server_id}-{number + 1}"
        settings = self._settings.model_copy(update={"id": name})
        place = Place(Path(self._folder.name), number, settings.processes)
        process = self._context.Process(
            target=_run_child, args=(self._child, settings, self._sockets, place), name=name
        )
        process.start()
        self._running[number] = process
        self._started_at[number] = monotonic_seconds()

    def _watch(self) -> None:
        sentinels = {process.sentinel: number for number, process in self._running.items()}
        for ready in connection.wait([*sentinels, self._heard]):
            if ready == self._heard or self._stopping:
                return
            number = sentinels[ready]  # type: ignore[index]
            log.error("process %s ended by itself", self._running[number].name)
            since = monotonic_seconds() - self._started_at[number]
            connection.wait([self._heard], max(RESTART_SECONDS_MIN - since, 0.0))
            if not self._stopping:
                self._start(number)

    def _end(self) -> None:
        for process in self._running.values():
            process.terminate()
        deadline = monotonic_seconds() + STOP_SECONDS_MAX
        for process in self._running.values():
            process.join(max(deadline - monotonic_seconds(), 0.0))
            if process.is_alive():
                log.error("process %s does not end; it is killed", process.name)
                process.kill()
                process.join()
        self._folder.cleanup()


def _run_child(child: Child, settings: Settings, sockets: Sockets, place: Place) -> None:
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    child(settings, sockets, place)


def _end_with_parent() -> None:
    """Nobody would start or stop this process any more, so it ends when its parent does."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
