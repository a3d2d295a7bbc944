"""Wakes over PostgreSQL LISTEN/NOTIFY, on a connection of its own, outside of any transaction."""

import logging
import os
import select
import threading
from typing import Any

import psycopg2

from durable_server.clock import monotonic_seconds
from durable_server.matching.channels import Channel
from durable_server.matching.wakes import (
    BACKOFF_SECONDS_MAX,
    BACKOFF_SECONDS_MIN,
    OnChannel,
    OnEverything,
    OnRuns,
    Subscribers,
    encode,
    nothing,
)

log = logging.getLogger(__name__)

NOTIFICATION_BYTES_MAX = 7900
WAITING_MAX = 10_000
TOPIC = "durable_wakes"
# Whoever watches a run waits for seconds; a busy server gathers what it tells them for a moment.
# Word of a task is never held back.
GATHER_SECONDS = 0.02


class PostgresWakes:
    """One thread that listens and notifies; connects again, with growing pauses, when cut off."""

    kind = "postgresql"

    def __init__(self, database_url: str, server_id: str) -> None:
        self._url = database_url
        self._subscribers = Subscribers(server_id)
        self._lock = threading.Lock()
        self._channels: set[Channel] = set()
        self._runs: set[str] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wakes", daemon=True)
        self._wakeup_out, self._wakeup_in = os.pipe()
        os.set_blocking(self._wakeup_in, False)
        os.set_blocking(self._wakeup_out, False)
        self._sent_at = 0.0
        self.connected = False

    def publish(self, channels: set[Channel], runs: set[str]) -> None:
        """Have other processes look again; never waits. Called after the commit only."""
        self._subscribers.runs(runs)
        with self._lock:
            due = not self._channels and bool(channels or not self._runs)
            if len(self._channels) + len(self._runs) < WAITING_MAX:
                self._channels |= channels
                self._runs |= runs
        if due:
            self._nudge()

    def subscribe(
        self, on_channel: OnChannel, on_runs: OnRuns, on_everything: OnEverything = nothing
    ) -> None:
        """Tell of every wake from now on."""
        self._subscribers.add(on_channel, on_runs, on_everything)

    def start(self) -> None:
        """Connect and begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Close the connection and end the thread."""
        self._stopping.set()
        self._nudge()
        if self._thread.is_alive():
            self._thread.join()

    def _nudge(self) -> None:
        try:
            os.write(self._wakeup_in, b"\0")
        except BlockingIOError:
            # The pipe is full of nudges already.
            return

    def _run(self) -> None:
        pause = BACKOFF_SECONDS_MIN
        while not self._stopping.is_set():
            try:
                connection = self._connect()
                pause = BACKOFF_SECONDS_MIN
                self._serve(connection)
            except psycopg2.Error as error:
                log.warning("wakes are cut off", extra={"error": type(error).__name__})
            finally:
                self.connected = False
            self._stopping.wait(pause)
            pause = min(pause * 2, BACKOFF_SECONDS_MAX)

    def _connect(self) -> Any:
        connection = psycopg2.connect(self._url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {TOPIC}")
        self.connected = True
        return connection

    def _serve(self, connection: Any) -> None:
        try:
            while not self._stopping.is_set():
                sources = [connection, self._wakeup_out]
                readable, _, _ = select.select(sources, [], [], self._gathering_seconds())
                if self._wakeup_out in readable:
                    os.read(self._wakeup_out, 65536)
                if self._gathering_seconds() == 0:
                    self._send(connection)
                    self._sent_at = monotonic_seconds()
                connection.poll()
                while connection.notifies:
                    self._subscribers.hear(connection.notifies.pop(0).payload)
        finally:
            connection.close()

    def _gathering_seconds(self) -> float | None:
        """How long to wait for more before sending; None when there is nothing to send."""
        with self._lock:
            if self._channels:
                return 0
            if not self._runs:
                return None
        return max(0, self._sent_at + GATHER_SECONDS - monotonic_seconds())

    def _send(self, connection: Any) -> None:
        with self._lock:
            channels, runs = self._channels, self._runs
            self._channels, self._runs = set(), set()
        server_id = self._subscribers.server_id
        pages = encode(server_id, channels, runs, NOTIFICATION_BYTES_MAX)
        with connection.cursor() as cursor:
            for page in pages:
                cursor.execute("SELECT pg_notify(%s, %s)", (TOPIC, page))
