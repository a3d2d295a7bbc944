"""Admission: how many tasks of a queue may be out at once, and how many may go out in a minute.

Values and arithmetic only; lanes look up, count and lock. Theory of operation: a limit belongs to
a scope, which is a task queue, a namespace or a budget group of a namespace, each for one kind of
task. Whoever leases a task of a limited queue holds the scopes of its limits, so that two never
count at once. A minute is a minute of the clock, not the last sixty seconds.
"""

import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

from durable_server.clock import SECOND
from durable_server.matching.channels import Channel

MINUTE = 60 * SECOND
KINDS = ("workflow", "activity")
REMEMBERED_MAX = 10_000
OVERRIDES = "server.admission.queue_overrides"


class Limits(NamedTuple):
    """What one kind of task on one queue is allowed; None: as much as there is.

    `group` names the budget group that the queue belongs to. `sources` say where the limits come
    from, for whoever reads a description of the queue.
    """

    leases_per_queue: int | None = None
    leases_per_namespace: int | None = None
    dispatches_per_queue: int | None = None
    dispatches_per_namespace: int | None = None
    dispatches_per_group: int | None = None
    group: str | None = None
    sources: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """Whether there is a limit at all."""
        return any(each is not None for each in self[:4]) or self.counts_group

    @property
    def counts_group(self) -> bool:
        """Whether the queue's group has a limit."""
        return self.group is not None and self.dispatches_per_group is not None


class Scope(NamedTuple):
    """What a counter counts for. scope: queue | namespace | group; name: empty for a namespace."""

    namespace: str
    kind: str
    scope: str
    name: str


class Counter(NamedTuple):
    """Tasks handed out in a minute (since 1970) of the clock."""

    minute: int
    dispatches: int


class Standing(NamedTuple):
    """How a limited queue stands: leases that have not run out, tasks handed out this minute."""

    queue_leases: int
    namespace_leases: int
    queue_dispatches: int
    namespace_dispatches: int
    group_dispatches: int


class Field(NamedTuple):
    """A limit: its names in an override, the first that is there counts, and its setting."""

    names: tuple[str, ...]
    setting: str | None


FIELDS = {
    "leases_per_queue": Field(
        ("max_active_leases_per_queue", "max_active_leases"), "max_active_leases_per_queue"
    ),
    "leases_per_namespace": Field(
        ("max_active_leases_per_namespace",), "max_active_leases_per_namespace"
    ),
    "dispatches_per_queue": Field(("max_dispatches_per_minute",), "max_dispatches_per_minute"),
    "dispatches_per_namespace": Field(
        ("max_dispatches_per_minute_per_namespace",), "max_dispatches_per_minute_per_namespace"
    ),
    "dispatches_per_group": Field(("max_dispatches_per_minute_per_budget_group",), None),
}
GROUP = ("dispatch_budget_group", "budget_group")
KNOWN = frozenset(name for field in FIELDS.values() for name in field.names) | set(GROUP)


class Admission:
    """The limits of every queue: `defaults` by kind and field, `overrides` as they are configured.

    Safe to use from any thread.
    """

    def __init__(
        self, defaults: Mapping[str, Mapping[str, int | None]], overrides: Mapping[str, Any]
    ) -> None:
        self._defaults, self._overrides = defaults, overrides
        self._remembered: dict[Channel, Limits] = {}
        self._lock = threading.Lock()

    @property
    def configured(self) -> bool:
        """Whether any queue may have a limit."""
        given = [value for kind in self._defaults.values() for value in kind.values()]
        return bool(self._overrides) or any(positive(value) for value in given)

    def limits_of(self, channel: Channel) -> Limits:
        """What a kind of task on a queue is allowed."""
        found = self._remembered.get(channel)
        if found is None:
            found = self._look_up(channel)
            with self._lock:
                if len(self._remembered) >= REMEMBERED_MAX:
                    self._remembered.clear()
                self._remembered[channel] = found
        return found

    def limited(self, channel: Channel) -> Limits | None:
        """The limits of a channel; None when it has none."""
        limits = self.limits_of(channel)
        return limits if limits.any else None

    def problems(self) -> list[str]:
        """Members of overrides that mean nothing, for the log."""
        found = []
        for key, kinds in self._overrides.items():
            for kind, fields in kinds.items() if isinstance(kinds, dict) else ():
                if kind not in {f"{each}_tasks" for each in KINDS}:
                    found.append(f"{key}.{kind}")
                elif isinstance(fields, dict):
                    found += [f"{key}.{kind}.{name}" for name in fields if name not in KNOWN]
        return sorted(found)

    def _look_up(self, channel: Channel) -> Limits:
        if channel.kind not in KINDS:
            return Limits()
        given = self._given(channel)
        found: dict[str, Any] = {}
        sources: list[str] = []
        for name, field in FIELDS.items():
            override = _first(given, field.names)
            if override is not None:
                found[name], source = positive(override[0]), OVERRIDES
            else:
                found[name] = positive(self._defaults.get(channel.kind, {}).get(name))
                source = f"server.admission.{channel.kind}_tasks.{field.setting}"
            if found[name] is not None and source not in sources:
                sources.append(source)
        group = _first(given, GROUP)
        found["group"] = _text(group[0]) if group is not None else None
        return Limits(**found, sources=tuple(sources))

    def _given(self, channel: Channel) -> list[Mapping[str, Any]]:
        """What overrides say of a channel, the most particular first."""
        namespace, queue = channel.namespace, channel.task_queue
        found: list[Mapping[str, Any]] = []
        for key in (f"{namespace}:{queue}", f"{namespace}:*", queue, "*"):
            kinds = self._overrides.get(key)
            fields = kinds.get(f"{channel.kind}_tasks") if isinstance(kinds, dict) else None
            if isinstance(fields, dict):
                found.append(fields)
        return found


def positive(value: Any) -> int | None:
    """A limit as it was written; what is no positive number is no limit."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        number = int(value)
    except ValueError:
        return None
    return number if number > 0 else None


def _first(given: list[Mapping[str, Any]], names: tuple[str, ...]) -> tuple[Any] | None:
    return next(((each[name],) for each in given for name in names if name in each), None)


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def queue_scope(channel: Channel) -> Scope:
    """Where the tasks of a channel are counted."""
    return Scope(channel.namespace, channel.kind, "queue", channel.task_queue)


def namespace_scope(channel: Channel) -> Scope:
    """Where the tasks of a namespace are counted."""
    return Scope(channel.namespace, channel.kind, "namespace", "")


def group_scope(channel: Channel, limits: Limits) -> Scope:
    """Where the tasks of a budget group are counted; a group belongs to its namespace."""
    return Scope(channel.namespace, channel.kind, "group", limits.group or "")


def scopes_of(channel: Channel, limits: Limits) -> list[Scope]:
    """What has to be held while a task of this channel is leased, in the order of locking."""
    found = []
    if limits.leases_per_queue is not None or limits.dispatches_per_queue is not None:
        found.append(queue_scope(channel))
    if limits.leases_per_namespace is not None or limits.dispatches_per_namespace is not None:
        found.append(namespace_scope(channel))
    if limits.counts_group:
        found.append(group_scope(channel, limits))
    return sorted(found)


def counted_at(counter: Counter | None, now: int) -> Counter:
    """The counter as it stands at an instant; a minute that is over counts no more.

    A transaction that began before the minute did may come second: it goes on with the new minute.
    """
    minute = now // MINUTE
    if counter is not None and counter.minute in (minute, minute + 1):
        return counter
    return Counter(minute, 0)


def remaining(limit: int | None, used: int) -> int | None:
    """What a limit leaves; None: as much as there is."""
    return None if limit is None else max(0, limit - used)


def lease_room(limits: Limits, standing: Standing) -> int | None:
    """How many more tasks may be out at once."""
    return _least(
        remaining(limits.leases_per_queue, standing.queue_leases),
        remaining(limits.leases_per_namespace, standing.namespace_leases),
    )


def dispatch_room(limits: Limits, standing: Standing) -> int | None:
    """How many more tasks may go out this minute."""
    return _least(
        remaining(limits.dispatches_per_queue, standing.queue_dispatches),
        remaining(limits.dispatches_per_namespace, standing.namespace_dispatches),
        remaining(limits.dispatches_per_group, standing.group_dispatches)
        if limits.counts_group
        else None,
    )


def room(limits: Limits, standing: Standing) -> int | None:
    """How many more tasks may go out now."""
    return _least(lease_room(limits, standing), dispatch_room(limits, standing))


def _least(*rooms: int | None) -> int | None:
    return min((each for each in rooms if each is not None), default=None)
