"""What operators said of builds, as this process last read it, and polls of drained builds.

Theory of operation. What is said lies in a table and is read whole: when this process changes it,
when a wake says that another one did, and else once per interval while anybody polls or starts. So
a start and a poll ask memory only. A poll for a drained build waits here, where no task finds it,
until its time is over or the build is resumed.
"""

import threading
from collections.abc import Callable
from typing import Any

from durable_server.clock import SECOND
from durable_server.matching.channels import ROLLOUTS, Channel, Poll
from durable_server.matching.timing import wait_at_most
from durable_server.pending import Pending, deliver
from durable_server.refusal import Refusal
from durable_server.server import Server
from durable_server.store import rollouts as stored

REMEMBERED_SECONDS = 10
ROLLOUTS_MAX = 10_000
Build = tuple[str, str, str | None]


class Rollouts:
    """Which builds are drained, and which one new runs of a queue go to; safe from any thread."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._drained: frozenset[Build] = frozenset()
        self._promoted: dict[tuple[str, str], str | None] = {}
        self._waiting: dict[int, tuple[Build, Pending]] = {}
        self._read_at: int | None = None
        self._reading = False
        self._again = False
        self._closed = False

    async def known(self) -> None:
        """Wait until something is known; what is known for long is read again meanwhile."""
        if self._read_at is None:
            await self.read()
        else:
            self.refresh()

    async def read(self) -> None:
        """Read what is said now, and act on it."""
        self._take(await self._server.read(stored.list_in_force, ROLLOUTS_MAX))

    def refresh(self) -> None:
        """Read again what was last read too long ago; nobody waits for it."""
        now = self._server.clock.now()
        if self._read_at is None or now - self._read_at >= REMEMBERED_SECONDS * SECOND:
            self.look()

    def look(self) -> None:
        """Read again; nobody waits for it."""
        with self._lock:
            if self._reading or self._closed:
                # What is being read may be what was there before.
                self._again = True
                return
            self._reading, self._again = True, False
        pending = self._server.read(stored.list_in_force, ROLLOUTS_MAX)
        pending.on_answer(lambda: self._looked(pending))

    def changed(self, namespace: str, task_queue: str) -> None:
        """Tell other processes that something else is said of a queue's builds."""
        self._server.wakes.publish({Channel(namespace, task_queue, ROLLOUTS)}, set())

    def is_drained(self, poll: Poll) -> bool:
        """Whether a poll's worker is of a build that is to get no tasks."""
        return bool(self._drained) and _build_of(poll) in self._drained

    def build_for_start(self, namespace: str, task_queue: str) -> str | None:
        """The build that a new run of a queue is for; None: any."""
        return self._promoted.get((namespace, task_queue))

    async def wait(self, poll: Poll, seconds: float, lost: Callable[..., None]) -> None:
        """Hold the poll of a drained build until it is resumed, its client is gone, or time is up.

        `lost` is given what is to be called when the client is gone.
        """
        pending = Pending()
        with self._lock:
            if self._closed:
                raise Refusal("shutting_down")
            if len(self._waiting) >= self._server.settings.parked_polls_max:
                raise Refusal("too_many_polls")
            self._waiting[id(pending)] = (_build_of(poll), pending)
        lost(lambda: pending.answer(None))
        try:
            # A build that was resumed in between wakes nobody any more.
            if self.is_drained(poll):
                await wait_at_most(self._server.matcher.timers, pending, seconds)
        finally:
            with self._lock:
                self._waiting.pop(id(pending), None)

    def withdraw_all(self) -> None:
        """Let no poll wait here any more."""
        with self._lock:
            self._closed = True
            waiting = [pending for _, pending in self._waiting.values()]
        deliver([(pending, None, None) for pending in waiting])

    def _looked(self, pending: Pending) -> None:
        with self._lock:
            self._reading = False
            again = self._again
        # What could not be read is read again at the next occasion.
        if pending.succeeded:
            self._take(pending.result())
            if again:
                self.look()

    def _take(self, rollouts: list[Any]) -> None:
        drained = frozenset(each[:3] for each in rollouts if each.drained_at is not None)
        promoted: dict[tuple[str, str], str | None] = {}
        # Of two that were promoted at once the later one counts.
        for each in sorted(
            (each for each in rollouts if each.promoted_at is not None),
            key=lambda each: each.promoted_at,
        ):
            promoted[each[:2]] = each.build_id
        with self._lock:
            news = drained - self._drained
            self._drained, self._promoted = drained, promoted
            self._read_at = self._server.clock.now()
            resumed = [p for build, p in self._waiting.values() if build not in drained]
        if news:
            self._server.matcher.withdraw_where(lambda poll: _build_of(poll) in news)
        deliver([(pending, None, None) for pending in resumed])


def _build_of(poll: Poll) -> Build:
    return (poll.channel.namespace, poll.channel.task_queue, poll.worker.build_id)
