"""What a repeated poll gets: it shares the wait of the first, or gets its outcome again."""

import threading
from collections import OrderedDict
from typing import Any, NamedTuple

from durable_server.clock import SECOND, Clock
from durable_server.matching.channels import Channel, LeasedTask, Poll
from durable_server.pending import Pending, deliver

REMEMBERED_MAX = 10_000
EMPTY_SECONDS = 5
AFTER_LEASE_SECONDS = 5


class Key(NamedTuple):
    """Which polls are the same: same channel, worker, build id and request id."""

    channel: Channel
    worker_id: str
    build_id: str | None
    poll_request_id: str


class Outcome(NamedTuple):
    """What a finished poll was answered, and until when a repeat gets it."""

    leased: LeasedTask | None
    until: int


class Shared(NamedTuple):
    """The wait of a first poll, which `owner` carries, as a repeat joins it."""

    pending: Pending
    owner: Any


class Repeats:
    """The polls of this process that carry a request id, under way or finished lately."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[Key, tuple[Any, list[Pending]]] = {}
        self._finished: OrderedDict[Key, Outcome] = OrderedDict()

    def begin(self, key: Key, owner: Any = None) -> Outcome | Shared | None:
        """None for the first poll, which must `finish`; else what a repeat gets or waits for."""
        with self._lock:
            if key in self._waiting:
                first, pendings = self._waiting[key]
                pendings.append(Pending())
                return Shared(pendings[-1], first)
            outcome = self._finished.get(key)
            if outcome is not None and outcome.until > self._clock.now():
                return outcome
            self._finished.pop(key, None)
            self._waiting[key] = (owner, [])
            return None

    def finish(self, key: Key, leased: LeasedTask | None, *, remember: bool) -> int:
        """The first poll is over: whoever shares it gets the same; returns how many did."""
        with self._lock:
            _, pendings = self._waiting.pop(key, (None, []))
            if remember:
                self._finished[key] = Outcome(leased, self._until(leased))
                if len(self._finished) > REMEMBERED_MAX:
                    self._finished.popitem(last=False)
        return deliver([(pending, leased, None) for pending in pendings])

    def forget(self, key: Key) -> None:
        """A later poll with this key is a new one."""
        with self._lock:
            self._finished.pop(key, None)

    def _until(self, leased: LeasedTask | None) -> int:
        if leased is None:
            return self._clock.now() + EMPTY_SECONDS * SECOND
        return int(leased.task.lease_expires_at) + AFTER_LEASE_SECONDS * SECOND


def key_of(poll: Poll) -> Key | None:
    """What a poll is told apart by, if its client wants repeats to get the same."""
    if poll.poll_request_id is None:
        return None
    worker = poll.worker
    return Key(poll.channel, worker.worker_id, worker.build_id, poll.poll_request_id)
