"""The values that matching deals in: channels, polling workers, polls, leased tasks."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from durable_server.pending import Pending

# Kinds of channels on which no poll is parked, but processes tell each other of changes: what
# operators said of the builds of a queue, and a worker (in place of the queue) that is gone.
ROLLOUTS = "rollouts"
WORKER = "worker"


class Channel(NamedTuple):
    """What a parked poll listens to. kind: workflow | activity | query | update_validation."""

    namespace: str
    task_queue: str
    kind: str


class PollingWorker(NamedTuple):
    """What a worker's registration says that matters for handing tasks to it.

    `types` are the supported types of the channel's kind; None means all. `dialect` is
    `sdk_version` of the registration; `framing` (json | avro) how it reads values that the server
    encodes.
    """

    worker_id: str
    build_id: str | None
    types: frozenset[str] | None
    sdk_version: str | None
    framing: str


@dataclass(slots=True)
class Poll:
    """One waiting request for a task; `pending` is answered with a LeasedTask or None.

    `lost` is set when the client is gone: a task that arrives all the same is returned. `expired`
    is set when the time to wait is over while a lane holds the poll. `probe` asks for what is there
    now: it is answered after one look at the stored queue. `other` is a second channel on which
    the poll is parked, for one task from either.
    """

    channel: Channel
    worker: PollingWorker
    poll_request_id: str | None = None
    history_page_size: int = 500
    pending: Pending = field(default_factory=Pending)
    lost: bool = False
    looked_up: bool = False
    expired: bool = False
    probe: bool = False
    other: Channel | None = None
    looks: int = 0

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels on which the poll is parked."""
        return (self.channel,) if self.other is None else (self.channel, self.other)

    def accepts(self, type_name: str, build_id: str | None) -> bool:
        """Whether this worker may be given a task of this type and build id."""
        types = self.worker.types
        return (types is None or type_name in types) and (
            build_id is None or build_id == self.worker.build_id
        )


class LeasedTask(NamedTuple):
    """A task in the hands of a worker, with all that the reply to its poll needs.

    `task`, `run`: engine values `Task`, `Run`. Query tasks: only `task`, a `QueryTask`; the rest is
    read once it is known who has it. Workflow tasks: `input` (Payload, rendered in the
    worker's framing) and `events` (first page). Activity tasks: `activity` (engine value) and
    `input` = its arguments (Payload or None).
    """

    task: Any
    run: Any
    input: Any
    events: list[Any]
    activity: Any = None


def types_by_build(polls: Iterable[Poll]) -> dict[str | None, frozenset[str] | None]:
    """The types that polls accept together, for each build of their workers; None means any.

    Tasks are pinned to builds, so a look for one of them says nothing of the tasks of another.
    """
    accepted: dict[str | None, frozenset[str] | None] = {}
    for poll in polls:
        build_id, types = poll.worker.build_id, poll.worker.types
        known = accepted.get(build_id, frozenset())
        accepted[build_id] = None if known is None or types is None else known | types
    return accepted
