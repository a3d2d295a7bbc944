"""Telling other processes to look again. A wake carries no data but the name of what changed.

A lost wake costs no more than the interval at which queues are checked.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import orjson

from durable_server.matching.channels import Channel

log = logging.getLogger(__name__)

BACKOFF_SECONDS_MIN = 0.1
BACKOFF_SECONDS_MAX = 10.0
WAITING_MAX = 10_000
CHECK_SECONDS_CONNECTED = 5.0
OnChannel = Callable[[Channel], None]
OnRuns = Callable[[Iterable[str]], None]
OnEverything = Callable[[], None]


def nothing() -> None:
    """What those do who need not look at everything."""


class Wakes(Protocol):
    """How processes of one server wake each other; `kind` names what carries the wakes."""

    kind: str

    @property
    def connected(self) -> bool: ...

    def publish(self, channels: set[Channel], runs: set[str]) -> None: ...

    def subscribe(
        self, on_channel: OnChannel, on_runs: OnRuns, on_everything: OnEverything = ...
    ) -> None: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


def encode(
    server_id: str, channels: Iterable[Channel], runs: Iterable[str], size_max: int
) -> Iterator[str]:
    """Notifications of at most so many bytes that name these channels and runs."""
    names: list[Any] = [list(channel) for channel in sorted(channels)]
    names += sorted(runs)
    room = size_max - len(orjson.dumps([server_id, []]))
    page: list[bytes] = []
    size = 0
    for name in names:
        text = orjson.dumps(name)
        # A name longer than a notification may be is left to the check of its queue.
        if len(text) + 1 > room:
            continue
        if size + len(text) + 1 > room:
            yield _page(server_id, page)
            page, size = [], 0
        page.append(text)
        size += len(text) + 1
    if page:
        yield _page(server_id, page)


def _page(server_id: str, names: list[bytes]) -> str:
    return (b"[" + orjson.dumps(server_id) + b",[" + b",".join(names) + b"]]").decode()


class Subscribers:
    """Who is told of wakes; shared by every way in which wakes arrive."""

    def __init__(self, server_id: str) -> None:
        self.server_id = server_id
        self._on_channel: list[OnChannel] = []
        self._on_runs: list[OnRuns] = []
        self._on_everything: list[OnEverything] = []

    def add(
        self, on_channel: OnChannel, on_runs: OnRuns, on_everything: OnEverything = nothing
    ) -> None:
        """Tell these, too."""
        self._on_channel.append(on_channel)
        self._on_runs.append(on_runs)
        self._on_everything.append(on_everything)

    def everything(self) -> None:
        """Something has changed, and nobody can say what."""
        for on_everything in self._on_everything:
            on_everything()

    def runs(self, runs: Iterable[str]) -> None:
        """Runs have changed, here or elsewhere."""
        for on_runs in self._on_runs:
            on_runs(runs)

    def hear(self, text: str | bytes) -> None:
        """A notification came in; those that this server sent itself are not for it."""
        try:
            sender, names = orjson.loads(text)
            channels = [Channel(*name) for name in names if not isinstance(name, str)]
        except (ValueError, TypeError):
            log.warning("a wake cannot be read")
            return
        if sender == self.server_id:
            return
        runs = [name for name in names if isinstance(name, str)]
        for channel in channels:
            for on_channel in self._on_channel:
                on_channel(channel)
        if runs:
            self.runs(runs)


class Outgoing:
    """Wakes that wait to be sent; what is named several times is sent once."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._channels: set[Channel] = set()
        self._runs: set[str] = set()
        self._stopping = False

    def add(self, channels: set[Channel], runs: set[str]) -> None:
        """Have these sent; beyond the bound wakes are dropped, which only delays."""
        with self._changed:
            if len(self._channels) + len(self._runs) < WAITING_MAX:
                self._channels |= channels
                self._runs |= runs
            self._changed.notify()

    def take(self) -> tuple[set[Channel], set[str]] | None:
        """Wait for something to send; None when stopping."""
        with self._changed:
            while not self._stopping and not self._channels and not self._runs:
                self._changed.wait()
            if self._stopping:
                return None
            taken = (self._channels, self._runs)
            self._channels, self._runs = set(), set()
            return taken

    def stop(self) -> None:
        """Send no more."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()


def open_wakes(settings: Any, store: Any, server_id: str) -> Wakes:
    """The wakes for these settings: Redis when configured, else the database, else none needed."""
    if settings.redis_url:
        from durable_server.matching.wakes_redis import RedisWakes

        return RedisWakes(settings.redis_url, server_id)
    if settings.database_url.startswith("postgres"):
        from durable_server.matching.wakes_postgres import PostgresWakes

        return PostgresWakes(settings.database_url, server_id)
    if settings.maintenance and settings.processes == 1:
        from durable_server.matching.wakes_local import LocalWakes

        return LocalWakes(server_id)
    from durable_server.matching.wakes_sqlite import SqliteWakes

    return SqliteWakes(store, server_id, settings.worker_poll_signal_check_interval_ms / 1000)


def check_seconds(settings: Any, wakes: Wakes) -> Callable[[], float]:
    """How often queues are checked: seldom while wakes arrive, else as the settings say."""

    def seconds() -> float:
        interval = float(settings.worker_poll_interval_ms) / 1000
        return max(interval, CHECK_SECONDS_CONNECTED) if wakes.connected else interval

    return seconds
