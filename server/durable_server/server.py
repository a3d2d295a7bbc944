"""What everything runs on, put together by `app` and handed to handlers and passes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from durable_server.clock import Clock
from durable_server.config import Settings
from durable_server.engine.limits import Limits
from durable_server.matching.channels import ROLLOUTS, WORKER, Channel
from durable_server.observer import NOBODY, Observer
from durable_server.pending import Pending


class Lanes(Protocol):
    """The writers. An intent is answered with the engine's answer, or refused with a Refusal."""

    def put(self, intent: Any) -> Pending: ...

    def write(self, job: Callable[[Any], Any]) -> Pending: ...

    def forget(self, message: Any) -> Pending: ...


@dataclass
class Server:
    """Store, lanes, matcher, workers, clock, ids and settings of one server process.

    `known_namespaces`: until when a namespace that was found need not be looked for again.
    """

    settings: Settings
    clock: Clock
    limits: Limits
    store: Any
    lanes: Any
    matcher: Any
    workers: Any
    wakes: Any
    server_id: str
    reads: Any = None
    agenda: Any = None
    watchers: Any = None
    askers: Any = None
    admission: Any = None
    rollouts: Any = None
    database: Any = None
    passes: Any = None
    observer: Observer = NOBODY
    tracing: Any = None
    payload_storage: Any = None
    known_namespaces: dict[str, int] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def read(self, query: Callable[..., Any], *arguments: Any, **options: Any) -> Pending:
        """Run `query(transaction, *arguments)` on a reading connection, off the event loop."""
        result: Pending = self.reads.run(query, *arguments, **options)
        return result

    def heard(self, names: Iterable[str]) -> None:
        """Runs and query tasks with these ids have changed, here or elsewhere."""
        changed = list(names)
        self.watchers.changed(changed)
        self.askers.changed(changed)

    def look_at(self, channel: Channel) -> None:
        """Another process says that something has changed on a channel."""
        if channel.kind == ROLLOUTS:
            self.rollouts.look()
        elif channel.kind == WORKER:
            self.workers.remove(channel.namespace, channel.task_queue)
        elif self.admission.limited(channel) is not None:
            self.matcher.backlog_beside(channel)
        else:
            self.matcher.backlog(channel)

    def look_everywhere(self) -> None:
        """Look at every queue, run and query that is waited for."""
        self.rollouts.look()
        self.matcher.backlog_anywhere()
        self.watchers.all_changed()
        self.askers.all_changed()

    def withdraw_waiting(self) -> None:
        """Answer parked polls and watches with nothing, and let none wait any more."""
        self.rollouts.withdraw_all()
        self.matcher.withdraw_all()
        self.watchers.withdraw_all()
        self.askers.withdraw_all()
