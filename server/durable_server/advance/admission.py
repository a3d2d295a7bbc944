"""Counting what a transaction leases of limited queues.

Theory of operation. A task of a limited queue is leased by a claim only, and never handed over
before. The claim holds the rows of all counters that concern it until it has committed; leases are
counted behind that lock. So of two claims, in whichever processes, the second sees what the first
has leased, and no limit is passed. A claim whose counters another one holds does not wait: it
looks again soon.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from durable_server.matching import admission
from durable_server.matching.admission import MINUTE, Counter, Limits, Scope, Standing
from durable_server.matching.channels import Channel
from durable_server.store import admission as stored


class Grant(NamedTuple):
    """How many tasks may go out now, how many of them this minute, and how long that lasts.

    `dispatches`: None where minutes are not counted. `minute_left`: microseconds.
    """

    room: int
    dispatches: int | None
    minute_left: int


@dataclass
class Ledger:
    """The limited queues of one transaction: counters that it holds, leases that it gives."""

    tx: Any
    now: int
    _counters: dict[Scope, Counter] = field(default_factory=dict)
    _changed: set[Scope] = field(default_factory=set)
    _given: dict[Channel, int] = field(default_factory=dict)

    def grant(self, channel: Channel, limits: Limits) -> Grant | None:
        """What may be leased of a channel; None when another transaction is counting."""
        if not self._hold(admission.scopes_of(channel, limits)):
            return None
        standing = self._standing(channel, limits)
        minutes = [self._counters[each].minute for each in admission.scopes_of(channel, limits)]
        return Grant(
            room=admission.room(limits, standing) or 0,
            dispatches=admission.dispatch_room(limits, standing),
            minute_left=(max(minutes) + 1) * MINUTE - self.now,
        )

    def took(self, channel: Channel, limits: Limits, count: int) -> None:
        """So many tasks of a channel were leased; they are not written yet."""
        self._given[channel] = self._given.get(channel, 0) + count
        for scope in admission.scopes_of(channel, limits):
            counter = self._counters[scope]
            self._counters[scope] = counter._replace(dispatches=counter.dispatches + count)
            self._changed.add(scope)

    def write(self) -> None:
        """Store the counters that have changed."""
        stored.write_counters(
            self.tx, [(scope, self._counters[scope]) for scope in sorted(self._changed)]
        )

    def _hold(self, scopes: list[Scope]) -> bool:
        missing = [scope for scope in scopes if scope not in self._counters]
        if missing:
            self._keep(stored.lock_counters(self.tx, missing))
        absent = [scope for scope in missing if scope not in self._counters]
        if absent and not stored.read_counters(self.tx, absent):
            stored.make_counters(self.tx, absent)
            self._keep(stored.lock_counters(self.tx, absent))
        return all(scope in self._counters for scope in scopes)

    def _keep(self, found: dict[stored.Key, tuple[int, int]]) -> None:
        for key, counter in found.items():
            self._counters[Scope(*key)] = admission.counted_at(Counter(*counter), self.now)

    def _standing(self, channel: Channel, limits: Limits) -> Standing:
        """Counted anew for each channel, as another transaction may have leased since."""
        leases = self._leases_of(channel.namespace, channel.kind)
        return Standing(
            leases.get(channel.task_queue, 0),
            sum(leases.values()),
            self._dispatches(admission.queue_scope(channel)),
            self._dispatches(admission.namespace_scope(channel)),
            self._dispatches(admission.group_scope(channel, limits)),
        )

    def _leases_of(self, namespace: str, kind: str) -> dict[str, int]:
        leases = {
            queue: counted.leased - counted.expired
            for (queue, each), counted in stored.count_leases(self.tx, namespace, self.now).items()
            if each == kind
        }
        for channel, count in self._given.items():
            if (channel.namespace, channel.kind) == (namespace, kind):
                leases[channel.task_queue] = leases.get(channel.task_queue, 0) + count
        return leases

    def _dispatches(self, scope: Scope) -> int:
        counter = self._counters.get(scope)
        return 0 if counter is None else counter.dispatches
