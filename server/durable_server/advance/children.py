"""What parents and children tell each other, as intents of the receiver.

A message may come twice, late, or after a younger one; the receiver's rows tell what is news.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from durable_server.advance.intents import Intent, Needs
from durable_server.engine import cancel, child
from durable_server.engine.client_request import ClientRequest
from durable_server.engine.decision import Decision, Moment
from durable_server.engine.run_state import Message, Run, RunState
from durable_server.refusal import Refusal

STOPS = {"request_cancel": "cancel", "terminate": "terminate"}


@dataclass(slots=True, kw_only=True)
class StartChild(Intent):
    """A parent has asked for a child, whose workflow id nobody else has."""

    body: dict[str, Any]

    def __post_init__(self) -> None:
        self.workflow_key = (self.body["namespace"], self.body["workflow_id"])

    def decide(self, state: RunState | None, moment: Moment) -> Decision | None:
        """See `child.start`."""
        return child.start(state, moment, self.body)


@dataclass(slots=True, kw_only=True)
class OfParent(Intent):
    """Something that a child tells its parent."""

    parent_run_id: str
    body: dict[str, Any]

    def __post_init__(self) -> None:
        self.run_key, self.child_key = self.parent_run_id, self.body["child_call_id"]


@dataclass(slots=True, kw_only=True)
class NoteNextRun(OfParent):
    """A child goes on in another run."""

    def decide(self, state: RunState | None, moment: Moment) -> Decision | None:
        """See `child.goes_on`."""
        return None if state is None else child.goes_on(state, moment, self.body)


@dataclass(slots=True, kw_only=True)
class EndChild(OfParent):
    """A child has ended."""

    def __post_init__(self) -> None:
        # Explicit, as a class made with slots is another one than the one that super() names.
        OfParent.__post_init__(self)
        self.closes_step = True

    def decide(self, state: RunState | None, moment: Moment) -> Decision | None:
        """See `child.end`."""
        return None if state is None else child.end(state, moment, self.body)


@dataclass(slots=True, kw_only=True)
class StopWorkflow(Intent):
    """Somebody else's decision stops a workflow, whichever run it is in.

    `kind`: cancel or terminate. `source`: on whose behalf, as its history says.
    """

    kind: str
    source: str
    body: dict[str, Any]

    def __post_init__(self) -> None:
        self.workflow_key = (self.body["namespace"], self.body["workflow_id"])
        self.stops_run = True

    def needs(self, run: Run, moment: Moment) -> Needs:
        """Everything that is open is cancelled with an event each."""
        return Needs(open_work=True)

    def decide(self, state: RunState | None, moment: Moment) -> Decision | None:
        """Stop the workflow; refused, and so asked again, while it has not begun yet."""
        if state is None:
            raise Refusal("instance_not_found", workflow_id=self.body["workflow_id"])
        if state.run.closed:
            return None
        request = ClientRequest(
            kind=self.kind,
            workflow_id=self.body["workflow_id"],
            wanted_run_id=None,
            reason=self.body["reason"],
            attribution={"source": self.source},
        )
        return cancel.stop(state, moment, request)


def start_child(message: Message) -> Intent:
    """The receipt of `start_child`."""
    return StartChild(shard=message.to_shard, body=orjson.loads(message.body))


def child_started(message: Message) -> Intent:
    """The receipt of `child_started`."""
    body = orjson.loads(message.body)
    return NoteNextRun(shard=message.to_shard, parent_run_id=message.to_run_id, body=body)


def child_closed(message: Message) -> Intent:
    """The receipt of `child_closed`."""
    body = orjson.loads(message.body)
    return EndChild(shard=message.to_shard, parent_run_id=message.to_run_id, body=body)


def close_child(message: Message) -> Intent:
    """The receipt of `close_child`."""
    body = orjson.loads(message.body)
    kind, source = STOPS[body["policy"]], "parent_close_policy"
    return StopWorkflow(shard=message.to_shard, kind=kind, source=source, body=body)
