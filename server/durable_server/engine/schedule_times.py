"""When a schedule fires for its occurrences: each a little later where there is jitter.

The delay of an occurrence follows from the schedule's name and the occurrence alone, so that every
server, and every restart, finds the same. It is less than the time to the following occurrence:
firings keep the order of their occurrences.
"""

import hashlib
from typing import NamedTuple

from durable_server.clock import SECOND
from durable_server.engine.schedule_spec import Spec, spec_of
from durable_server.engine.schedule_state import Schedule

SHOWN_MAX = 10


class Firing(NamedTuple):
    """An occurrence and when the schedule fires for it."""

    occurrence_at: int
    due_at: int


class Timing(NamedTuple):
    """A spec, the jitter, and the name that the jitter follows from."""

    spec: Spec
    jitter_seconds: int
    name: str

    def after(self, instant: int) -> Firing | None:
        """The firing of the first occurrence after an instant."""
        at = self.spec.next_after(instant)
        if at is None:
            return None
        return Firing(at, at + self.delay(at))

    def delay(self, occurrence_at: int) -> int:
        """How long after an occurrence the schedule fires, in microseconds."""
        span = self.jitter_seconds * SECOND
        if span == 0:
            return 0
        following = self.spec.next_after(occurrence_at)
        if following is not None:
            span = min(span, following - occurrence_at)
        digest = hashlib.sha256(f"{self.name}\0{occurrence_at}".encode("utf-8", "surrogatepass"))
        return int.from_bytes(digest.digest()[:8], "big") % span

    def following(self, instant: int, count: int) -> list[Firing]:
        """The next firings whose occurrences come after an instant."""
        found: list[Firing] = []
        firing = self.after(instant)
        while firing is not None and len(found) < count:
            found.append(firing)
            firing = self.after(firing.occurrence_at)
        return found


def timing_of(schedule: Schedule) -> Timing:
    """When the schedule fires."""
    name = f"{schedule.namespace}\0{schedule.schedule_id}"
    return Timing(spec_of(schedule.spec), schedule.jitter_seconds, name)


def shown_next(schedule: Schedule, now: int) -> int | None:
    """When the schedule fires next; one that is paused would, if it were resumed now."""
    if schedule.status != "paused" or (schedule.due_at or now + 1) > now:
        return None if schedule.deleted else schedule.due_at
    firing = timing_of(schedule).after(now)
    return None if firing is None else firing.due_at
