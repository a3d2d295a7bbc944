"""Time: the only module that reads a clock, and the two ways the wire writes an instant.

An instant is a whole number of microseconds since 1970-01-01T00:00:00Z. One number compares alike
in Python, SQLite and PostgreSQL, and needs no time zone.
"""

import functools
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

Instant = int
SECOND: Instant = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Tells the time in microseconds since 1970, never going back."""

    def now(self) -> Instant: ...


class SystemClock:
    """The clock of this process; a step back of the machine's clock does not show."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest = 0

    def now(self) -> Instant:
        """The present instant, at least as late as any told before."""
        with self._lock:
            self._latest = max(self._latest, time.time_ns() // 1000)
            return self._latest


class ManualClock:
    """A clock that tests move by hand."""

    def __init__(self, start: Instant = 1_777_000_000 * SECOND) -> None:
        self._now = start

    def now(self) -> Instant:
        """The instant the clock was last moved to."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move forward by a number of seconds."""
        self._now += round(seconds * SECOND)


def monotonic_seconds() -> float:
    """Seconds of a clock that only measures spans, for waiting inside this process."""
    return time.monotonic()


def now_nanoseconds() -> int:
    """The present, as those write it who trace requests; it may go back."""
    return time.time_ns()


def to_micro_text(instant: Instant) -> str:
    """`2026-04-13T12:00:00.000000Z`: how runs, tasks, leases and events write an instant."""
    seconds, micros = divmod(instant, SECOND)
    return f"{_second(seconds)}.{micros:06d}Z"


def to_second_text(instant: Instant) -> str:
    """`2026-04-13T12:00:00+00:00`: how namespaces, deadlines and health write an instant."""
    return f"{_second(instant // SECOND)}+00:00"


def instant_of(text: str) -> Instant | None:
    """The instant that an ISO-8601 text names, in UTC unless it says otherwise, or None."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)


@functools.lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    """The text of a whole second; a busy server writes each one many times."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
