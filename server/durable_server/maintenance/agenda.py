"""When each pass has something to do next."""

import threading
from collections import OrderedDict

from durable_server.clock import SECOND, Clock

POSTPONED_MAX = 10_000
POSTPONE_SECONDS_MIN = 1
POSTPONE_SECONDS_MAX = 60


class Agenda:
    """The earliest known moment per pass, noted by lanes after commit; wakes the loop.

    It also remembers which rows were refused, so that they stand behind the others.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._due: dict[str, int] = {}
        self._postponed: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()
        self._nudged = False

    def note(self, kind: str, due_at: int) -> None:
        """A pass has something to do at this instant; kept when it is the earliest."""
        with self._changed:
            known = self._due.get(kind)
            if known is not None and known <= due_at:
                return
            first = due_at < min(self._due.values(), default=due_at + 1)
            self._due[kind] = due_at
            if first:
                self._changed.notify_all()

    def take_due(self, now: int) -> list[str]:
        """The passes whose moment has come; each is forgotten until it is noted again."""
        return list(self.take_due_moments(now))

    def take_due_moments(self, now: int) -> dict[str, int]:
        """As `take_due`, with the moment of each."""
        with self._changed:
            due = {kind: due_at for kind, due_at in self._due.items() if due_at <= now}
            for kind in due:
                del self._due[kind]
            return due

    def earliest(self) -> int | None:
        """The first moment at which a pass has something to do."""
        with self._changed:
            return min(self._due.values(), default=None)

    def wait(self, seconds_max: float) -> None:
        """Wait until something is due, an earlier moment is noted, or so long."""
        with self._changed:
            earliest = min(self._due.values(), default=None)
            seconds = seconds_max
            if earliest is not None:
                seconds = min(seconds, (earliest - self._clock.now()) / SECOND)
            if seconds > 0 and not self._nudged:
                self._changed.wait(seconds)
            self._nudged = False

    def nudge(self) -> None:
        """End the present or the next wait at once."""
        with self._changed:
            self._nudged = True
            self._changed.notify_all()

    def postpone(self, kind: str, name: str, now: int) -> None:
        """A row was refused; leave it alone for a while, longer each time."""
        with self._changed:
            _, seconds = self._postponed.pop((kind, name), (0, POSTPONE_SECONDS_MIN // 2))
            seconds = min(max(seconds * 2, POSTPONE_SECONDS_MIN), POSTPONE_SECONDS_MAX)
            self._postponed[(kind, name)] = (now + seconds * SECOND, seconds)
            while len(self._postponed) > POSTPONED_MAX:
                self._postponed.popitem(last=False)

    def postponed(self, kind: str, now: int) -> set[str]:
        """The rows of a pass that are still to be left alone."""
        with self._changed:
            return {
                name
                for (of_kind, name), (until, _) in self._postponed.items()
                if of_kind == kind and until > now
            }

    def settle(self, kind: str, name: str) -> None:
        """A row was carried out; nothing of it is remembered."""
        with self._changed:
            self._postponed.pop((kind, name), None)
