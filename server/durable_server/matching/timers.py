"""One thread that calls back at given moments, for any number of waiting polls and watches."""

import heapq
import itertools
import logging
import threading
from collections.abc import Callable

from durable_server.clock import monotonic_seconds
from durable_server.pending import Pending, deliver

log = logging.getLogger(__name__)

COMPACT_MIN = 1024
Callback = Callable[[], Pending | None]


class Alarm:
    """A moment at which a callback is to be called, unless cancelled before."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callback) -> None:
        self.callback: Callback | None = callback


class Timers:
    """Calls back at moments of the monotonic clock; the Pendings that callbacks return are
    answered with None, all that are due together in one go.
    """

    def __init__(self, clock: Callable[[], float] = monotonic_seconds) -> None:
        self.now = clock
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int, Alarm]] = []
        self._numbers = itertools.count()
        self._cancelled = 0
        self._thread: threading.Thread | None = None
        self._stopping = False

    def __len__(self) -> int:
        with self._changed:
            return len(self._heap) - self._cancelled

    def call_in(self, seconds: float, callback: Callback) -> Alarm:
        """Call back once after this many seconds."""
        return self.call_at(self.now() + seconds, callback)

    def call_at(self, when: float, callback: Callback) -> Alarm:
        """Call back once at a moment of the monotonic clock."""
        alarm = Alarm(callback)
        with self._changed:
            if self._stopping:
                return alarm
            heapq.heappush(self._heap, (when, next(self._numbers), alarm))
            if self._heap[0][2] is alarm:
                self.attend()
        return alarm

    def attend(self) -> None:
        """See to it that `run_due` is called when the first alarm is due, which has changed.

        Called with the lock held; here a thread does it, begun with the first alarm.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="timers", daemon=True)
            self._thread.start()
        else:
            self._changed.notify()

    def run_due(self) -> int:
        """Call back what is due now; gives how many."""
        with self._changed:
            due = self._pop_due(self.now())
        _ring(due)
        return len(due)

    def next_due(self) -> float | None:
        """When the first alarm is due."""
        with self._changed:
            return self._heap[0][0] if self._heap else None

    def cancel(self, alarm: Alarm) -> None:
        """Forget an alarm; what it refers to is freed at once."""
        with self._changed:
            if alarm.callback is None:
                return
            alarm.callback = None
            self._cancelled += 1
            if self._cancelled > COMPACT_MIN and self._cancelled * 2 > len(self._heap):
                self._heap = [entry for entry in self._heap if entry[2].callback is not None]
                heapq.heapify(self._heap)
                self._cancelled = 0

    def stop(self) -> None:
        """Forget all alarms and end the thread."""
        with self._changed:
            self._stopping = True
            self._heap.clear()
            self._cancelled = 0
            self._changed.notify()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        while True:
            due = self._take_due()
            if due is None:
                return
            _ring(due)

    def _take_due(self) -> list[Callback] | None:
        """Wait until something is due; None when stopping."""
        with self._changed:
            while not self._stopping:
                now = self.now()
                due = self._pop_due(now)
                if due:
                    return due
                self._changed.wait(self._heap[0][0] - now if self._heap else None)
            return None

    def _pop_due(self, now: float) -> list[Callback]:
        due: list[Callback] = []
        while self._heap and self._heap[0][0] <= now:
            alarm = heapq.heappop(self._heap)[2]
            if alarm.callback is None:
                self._cancelled -= 1
                continue
            due.append(alarm.callback)
            alarm.callback = None
        return due


def _ring(due: list[Callback]) -> None:
    deliver([(pending, None, None) for pending in map(_call, due) if pending is not None])


def _call(callback: Callback) -> Pending | None:
    try:
        return callback()
    except Exception:
        log.exception("a timer's callback failed")
        return None
