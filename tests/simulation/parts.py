"""What a simulated process meets the outside with, stepped by the world instead of threads."""

from collections import deque
from collections.abc import Callable
from typing import Any

from durable_server.clock import SECOND, Clock
from durable_server.matching.channels import Channel
from durable_server.matching.timers import Timers
from durable_server.matching.wakes import OnChannel, OnEverything, OnRuns, Subscribers, nothing
from durable_server.pending import Pending
from durable_server.refusal import Refusal
from durable_server.store.database import Store
from durable_server.store.errors import StoreBusy, StoreLost


class SteppedTimers(Timers):
    """Alarms on the world's clock; the world calls back what is due."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(lambda: clock.now() / SECOND)

    def attend(self) -> None:
        """The world looks at the first alarm whenever it likes."""


class SteppedReads:
    """Queries that are asked one by one, when the world says so."""

    def __init__(self, store: Store) -> None:
        self.wanted: deque[tuple[Pending, Callable[..., Any], Any, dict[str, Any]]] = deque()
        self._connection = store.connect()

    def run(
        self,
        query: Callable[..., Any],
        *arguments: Any,
        snapshot: bool = False,
        milliseconds_max: int = 0,
        **options: Any,
    ) -> Pending:
        """Have `query(transaction, *arguments)` asked.

        Nothing else is written while it is asked, so it is of one moment; and it is not ended
        early, for the machine's clock is not the world's.
        """
        self.wanted.append((Pending(), query, arguments, options))
        return self.wanted[-1][0]

    def step(self) -> None:
        """Ask the first one."""
        pending, query, arguments, options = self.wanted.popleft()
        try:
            with self._connection.transaction(write=False) as tx:
                value = query(tx, *arguments, **options)
        except (StoreBusy, StoreLost):
            pending.answer(error=Refusal("store_busy"))
        except Exception as error:
            pending.answer(error=error)
        else:
            pending.answer(value)


class WorldWakes:
    """Wakes between simulated processes; `send` decides which arrive."""

    kind = "world"

    def __init__(
        self, server_id: str, connected: bool, send: Callable[[set[Channel], set[str]], None]
    ) -> None:
        self.connected = connected
        self._send = send
        self._on_channel: list[OnChannel] = []
        self._subscribers = Subscribers(server_id)

    def publish(self, channels: set[Channel], runs: set[str]) -> None:
        """Tell this process's watchers, and the other processes."""
        self._subscribers.runs(sorted(runs))
        self._send(channels, runs)

    def hear(self, channels: set[Channel], runs: set[str]) -> None:
        """A wake of another process came in."""
        for channel in sorted(channels):
            for on_channel in self._on_channel:
                on_channel(channel)
        self._subscribers.runs(sorted(runs))

    def subscribe(
        self, on_channel: OnChannel, on_runs: OnRuns, on_everything: OnEverything = nothing
    ) -> None:
        """Tell of every wake from now on."""
        self._on_channel.append(on_channel)
        self._subscribers.add(on_channel, on_runs, on_everything)

    def start(self) -> None:
        """Nothing to open."""

    def stop(self) -> None:
        """Nothing to close."""


class Driven(Pending):
    """An answer for a pass: waiting for it lets the rest of the world go on."""

    __slots__ = ("_inner", "_wait")

    def __init__(self, inner: Pending, wait: Callable[[Pending], None]) -> None:
        super().__init__()
        self._inner, self._wait = inner, wait

    @property
    def done(self) -> bool:
        """Whether the answer is there."""
        return self._inner.done

    @property
    def succeeded(self) -> bool:
        """Whether the answer is there and is not an exception."""
        return self._inner.succeeded

    def on_answer(self, callback: Callable[[], None], loop: Any = None) -> None:
        """Wait here, then call."""
        self._wait(self._inner)
        callback()

    def result(self) -> Any:
        """The value, or the exception raised."""
        return self._inner.result()


class DrivenLanes:
    """The lanes as a pass uses them."""

    def __init__(self, lanes: Any, wait: Callable[[Pending], None]) -> None:
        self._lanes, self._wait = lanes, wait

    def put(self, intent: Any) -> Pending:
        """Queue an intent."""
        return Driven(self._lanes.put(intent), self._wait)

    def write(self, job: Any) -> Pending:
        """Queue a write."""
        return Driven(self._lanes.write(job), self._wait)

    def forget(self, message: Any) -> Pending:
        """Queue the end of a message."""
        return Driven(self._lanes.forget(message), self._wait)


class DrivenReads:
    """The readers as a pass uses them."""

    def __init__(self, reads: SteppedReads, wait: Callable[[Pending], None]) -> None:
        self._reads, self._wait = reads, wait

    def run(self, query: Any, *arguments: Any, **options: Any) -> Pending:
        """Queue a query."""
        return Driven(self._reads.run(query, *arguments, **options), self._wait)
