"""Parked polls, and what is known of the queues they listen to.

Theory of operation. A poll that finds nothing waits here as a value; no thread, no query of its
own. Lanes take polls for tasks they have just written; everything else asks for a claim: one look
at the stored queue for all polls of a channel, at most one under way per channel. A queue found
empty is taken to be empty until a wake says otherwise, or for one interval.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from durable_server.clock import SECOND, Clock
from durable_server.matching.channels import Channel, Poll, PollingWorker, types_by_build
from durable_server.matching.repeats import Repeats
from durable_server.matching.timers import Timers
from durable_server.pending import Pending, deliver
from durable_server.refusal import Refusal

CHECK_SECONDS = 1.0
RETRY_SECONDS_MIN = 0.02
WAKE_STEP = SECOND // 100
Types = frozenset[str] | None


def nobody(channel: Channel) -> None:
    """There is no other process to be told."""


def nothing() -> None:
    """There is nothing else to be checked."""


class Queue:
    """What is known of one channel. All access is under the matcher's lock."""

    __slots__ = (
        "again",
        "checked_at",
        "claiming",
        "empty_for",
        "known_empty",
        "polls",
        "progress",
        "retry_seconds",
        "version",
    )

    def __init__(self) -> None:
        self.polls: OrderedDict[int, Poll] = OrderedDict()
        self.version = 0
        self.claiming = False
        self.again = False
        self.progress = False
        self.known_empty = False
        self.empty_for: dict[str | None, Types] = {}
        self.checked_at = 0.0
        self.retry_seconds = RETRY_SECONDS_MIN

    def is_empty_for(self, worker: PollingWorker, now: float, interval: float) -> bool:
        """Whether the queue is known to hold nothing for a worker's types and build."""
        if not self.known_empty or now - self.checked_at >= interval:
            return False
        known = self.empty_for.get(worker.build_id, frozenset())
        return known is None or (worker.types is not None and worker.types <= known)

    def remove(self, poll: Poll) -> bool:
        """Take a poll out; False when it is not parked here."""
        return self.polls.pop(id(poll), None) is not None


class Matcher:
    """Brings parked polls and tasks together; safe to use from any thread.

    `claim(channel)` has a lane look at the stored queue. It may be set once the lanes exist, and
    may return a Pending, by which a claim that could not be carried out is noticed. `tell(channel)`
    has other processes look, when something has become ready that only this one knew of.
    """

    def __init__(
        self,
        clock: Clock,
        claim: Callable[[Channel], Any] | None = None,
        parked_polls_max: int = 50_000,
        check_seconds: Callable[[], float] = lambda: CHECK_SECONDS,
        timers: Timers | None = None,
    ) -> None:
        self.claim = claim
        self.tell: Callable[[Channel], None] = nobody
        self.on_check: Callable[[], None] = nothing
        self.check_seconds = check_seconds
        self.timers = Timers() if timers is None else timers
        self.repeats = Repeats(clock)
        self._clock = clock
        self._parked_polls_max = parked_polls_max
        self._lock = threading.Lock()
        self._queues: dict[Channel, Queue] = {}
        self._parked = 0
        self._checking = False
        self._closed = False
        self._wake_times: set[tuple[Channel, int]] = set()

    def park(self, poll: Poll) -> None:
        """Let a poll wait; looks at the stored queue unless it is known to be empty."""
        with self._lock:
            if self._closed:
                raise Refusal("shutting_down")
            if self._parked >= self._parked_polls_max:
                raise Refusal("too_many_polls")
            self._parked += 1
            poll.looks = len(poll.channels)
            for channel in poll.channels:
                self._queues.setdefault(channel, Queue()).polls[id(poll)] = poll
            empty = [each for each in poll.channels if self._is_empty_for(poll, each)]
            probes = [probe for each in empty for probe in self._take_probes(self._queues[each])]
            wanted = [
                each
                for each in poll.channels
                if each not in empty and self._want_claim(self._queues[each])
            ]
            check = not self._checking
            self._checking = True
        deliver([(probe.pending, None, None) for probe in probes])
        for channel in wanted:
            self._request(channel)
        if check:
            self.timers.call_in(self.check_seconds(), self._check)

    def take(self, channel: Channel, type_name: str, build_id: str | None) -> Poll | None:
        """Take out the poll that has waited longest of those that accept such a task."""
        with self._lock:
            queue = self._queues.get(channel)
            if queue is None:
                return None
            for poll in queue.polls.values():
                if not poll.lost and poll.accepts(type_name, build_id):
                    self._remove(poll)
                    queue.progress = True
                    return poll
            return None

    def give_back(self, poll: Poll) -> None:
        """Park a poll again in front: the transaction that took it came to nothing."""
        with self._lock:
            ended = self._closed or poll.lost or poll.expired
            if not ended:
                for channel in poll.channels:
                    queue = self._queues.setdefault(channel, Queue())
                    queue.polls[id(poll)] = poll
                    queue.polls.move_to_end(id(poll), last=False)
                self._parked += 1
        if ended:
            poll.pending.answer(None)

    def withdraw(self, poll: Poll) -> bool:
        """Take a poll out; False when a lane has it or it was answered."""
        with self._lock:
            return self._remove(poll)

    def expire(self, poll: Poll) -> bool:
        """The time of a poll is over; False when a lane has it, which then ends its wait."""
        with self._lock:
            poll.expired = True
            return self._remove(poll)

    def lose(self, poll: Poll) -> bool:
        """The client of a poll is gone; False when a lane has it: its task is to be returned."""
        with self._lock:
            poll.lost = True
            return self._remove(poll)

    def withdraw_where(self, test: Callable[[Poll], bool]) -> int:
        """Answer the parked polls that a test picks with nothing; how many."""
        with self._lock:
            parked = {id(p): p for queue in self._queues.values() for p in queue.polls.values()}
            polls = [poll for poll in parked.values() if test(poll) and self._remove(poll)]
        return deliver([(poll.pending, None, None) for poll in polls])

    def withdraw_all(self) -> int:
        """Answer every parked poll with nothing, and let none park any more."""
        with self._lock:
            self._closed = True
            polls = [poll for queue in self._queues.values() for poll in queue.polls.values()]
            self._queues.clear()
            self._parked = 0
        self.timers.stop()
        return deliver([(poll.pending, None, None) for poll in polls])

    def waiting(self, channel: Channel) -> list[Poll]:
        """The polls parked on a channel, the one that has waited longest first."""
        with self._lock:
            queue = self._queues.get(channel)
            return [] if queue is None else [poll for poll in queue.polls.values() if not poll.lost]

    def start_claim(self, channel: Channel) -> int:
        """A lane begins to look at the stored queue; gives what `end_claim` is to be told."""
        with self._lock:
            queue = self._queues.setdefault(channel, Queue())
            queue.claiming, queue.again, queue.progress = True, False, False
            queue.known_empty = False
            queue.empty_for = types_by_build(queue.polls.values())
            return queue.version

    def end_claim(
        self, channel: Channel, version: int, empty: bool, next_due_at: int | None
    ) -> None:
        """A lane has looked: `empty` says that the queue held nothing more for these polls."""
        with self._lock:
            queue = self._queues.get(channel)
            if queue is None:
                return
            queue.claiming = False
            queue.checked_at = self.timers.now()
            queue.known_empty = empty and queue.version == version
            again = queue.again or queue.version != version or (not empty and queue.progress)
            delay = self._retry_delay(queue, empty)
            again = again and bool(queue.polls) and self._want_claim(queue)
            probes = [] if again else self._take_probes(queue)
        deliver([(poll.pending, None, None) for poll in probes])
        if again:
            self._request(channel)
        elif delay is not None:
            self.timers.call_in(delay, lambda: self._look_again(channel))
        if next_due_at is not None:
            self.backlog_at(channel, next_due_at)

    def backlog(self, channel: Channel) -> None:
        """Ready tasks may be stored that nobody took; whoever is parked gets a look at them."""
        with self._lock:
            queue = self._queues.get(channel)
            if queue is None:
                return
            queue.version += 1
            queue.known_empty = False
            wanted = bool(queue.polls) and self._want_claim(queue)
        if wanted:
            self._request(channel)

    def backlog_beside(self, channel: Channel) -> None:
        """Tasks of this kind may go out again on any queue of the namespace."""
        with self._lock:
            beside = [each for each in self._queues if each[::2] == channel[::2]]
        for each in beside:
            self.backlog(each)

    def backlog_anywhere(self) -> None:
        """Ready tasks may be stored on any channel."""
        with self._lock:
            channels = list(self._queues)
        for channel in channels:
            self.backlog(channel)

    def backlog_at(self, channel: Channel, available_at: int) -> None:
        """A task becomes ready at this instant; look at the queue then."""
        # Rounded up, so that thousands of moments close together cost one wake.
        moment = -(-available_at // WAKE_STEP) * WAKE_STEP
        with self._lock:
            if (channel, moment) in self._wake_times or self._closed:
                return
            self._wake_times.add((channel, moment))
        self._arrange(channel, moment)

    def in_time(self, wait: int | None) -> int | None:
        """The instant some microseconds from now, by the clock that wakes go by."""
        return None if wait is None else self._clock.now() + wait

    def counts(self) -> dict[str, int]:
        """How many polls are parked of each kind, and on how many channels."""
        counts = {"channels": 0, "workflow": 0, "activity": 0}
        with self._lock:
            for channel, queue in self._queues.items():
                counts["channels"] += bool(queue.polls)
                counts[channel.kind] = counts.get(channel.kind, 0) + len(queue.polls)
        return counts

    def _remove(self, poll: Poll) -> bool:
        queues = [self._queues[each] for each in poll.channels if each in self._queues]
        if True not in [queue.remove(poll) for queue in queues]:
            return False
        self._parked -= 1
        return True

    def _is_empty_for(self, poll: Poll, channel: Channel) -> bool:
        interval = self.check_seconds()
        return self._queues[channel].is_empty_for(poll.worker, self.timers.now(), interval)

    def _take_probes(self, queue: Queue) -> list[Poll]:
        """The polls that wait for no more than one look at each of their queues."""
        probes = [poll for poll in queue.polls.values() if poll.probe]
        for poll in probes:
            poll.looks -= 1
        return [poll for poll in probes if poll.looks <= 0 and self._remove(poll)]

    def _want_claim(self, queue: Queue) -> bool:
        """Whether a claim is to be requested now; if one is under way, another one follows it."""
        if self.claim is None:
            return False
        if queue.claiming:
            queue.again = True
            return False
        queue.claiming = True
        return True

    def _request(self, channel: Channel) -> None:
        assert self.claim is not None
        answer = self.claim(channel)
        if isinstance(answer, Pending):
            answer.on_answer(lambda: self._requested(channel, answer))

    def _requested(self, channel: Channel, answer: Pending) -> None:
        """A claim that no lane could carry out is tried again at the next check."""
        if answer.succeeded:
            return
        with self._lock:
            queue = self._queues.get(channel)
            if queue is not None:
                queue.claiming = queue.again = queue.known_empty = False

    def _retry_delay(self, queue: Queue, empty: bool) -> float | None:
        """When to look again at tasks that were there but could not be leased."""
        if empty or queue.progress or not queue.polls:
            queue.retry_seconds = RETRY_SECONDS_MIN
            return None
        delay = queue.retry_seconds
        queue.retry_seconds = min(delay * 2, self.check_seconds())
        return delay if delay < self.check_seconds() else None

    def _look_again(self, channel: Channel) -> None:
        with self._lock:
            queue = self._queues.get(channel)
            if queue is None or not queue.polls or queue.known_empty or queue.claiming:
                return
            wanted = self._want_claim(queue)
        if wanted:
            self._request(channel)

    def _arrange(self, channel: Channel, moment: int) -> None:
        delay = (moment - self._clock.now()) / SECOND
        self.timers.call_in(max(delay, 0.0), lambda: self._due(channel, moment))

    def _due(self, channel: Channel, moment: int) -> None:
        if self._clock.now() < moment:
            # The machine's clock was set back, or a test holds it.
            self.timers.call_in(0.01, lambda: self._due(channel, moment))
            return
        with self._lock:
            self._wake_times.discard((channel, moment))
        self.backlog(channel)
        self.tell(channel)

    def _check(self) -> None:
        """Look once per interval at every queue that is waited for; forget the others."""
        interval = self.check_seconds()
        now = self.timers.now()
        wanted: list[Channel] = []
        with self._lock:
            for channel, queue in list(self._queues.items()):
                if queue.claiming or now - queue.checked_at < interval:
                    continue
                if not queue.polls:
                    del self._queues[channel]
                elif self._want_claim(queue):
                    wanted.append(channel)
            self._checking = bool(self._queues)
            again = self._checking
        for channel in wanted:
            self._request(channel)
        self.on_check()
        if again:
            self.timers.call_in(interval, self._check)
