"""What clients tell the current run of a workflow, as intents."""

from dataclasses import dataclass

from durable_server.advance.intents import Intent
from durable_server.engine import message_streams
from durable_server.engine import signal as signaling
from durable_server.engine import start as starting
from durable_server.engine.decision import Decision, Moment
from durable_server.engine.run_state import RunState


@dataclass(slots=True, kw_only=True)
class SendSignal(Intent):
    """A client tells the current run of a workflow something."""

    wanted: signaling.Wanted

    def __post_init__(self) -> None:
        assert self.namespace is not None
        self.workflow_key = (self.namespace, self.wanted.request.workflow_id)
        self.request_id = self.wanted.key

    def decide(self, state: RunState | None, moment: Moment) -> Decision:
        """See `signal.accept`."""
        return signaling.accept(state, moment, self.wanted)


@dataclass(slots=True, kw_only=True)
class AppendMessage(Intent):
    """A client appends a message to a stream of the current run of a workflow."""

    wanted: message_streams.Append

    def __post_init__(self) -> None:
        assert self.namespace is not None
        self.workflow_key = (self.namespace, self.wanted.request.workflow_id)
        self.request_id = self.wanted.key

    def decide(self, state: RunState | None, moment: Moment) -> Decision:
        """See `message_streams.append`."""
        return message_streams.append(state, moment, self.wanted)


@dataclass(slots=True, kw_only=True)
class SignalWithStart(SendSignal):
    """A client tells a workflow something, and has it started for that if need be."""

    start: starting.Start
    anew: bool

    def decide(self, state: RunState | None, moment: Moment) -> Decision:
        """See `signal.accept_with_start`."""
        return signaling.accept_with_start(state, moment, self.wanted, self.start, self.anew)
