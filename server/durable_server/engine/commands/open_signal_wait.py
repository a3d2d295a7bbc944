"""`open_signal_wait`: the workflow waits for one signal of a name."""

from typing import Any, NamedTuple

from durable_server.engine import signal_events, waits
from durable_server.engine.commands.fields import Fields
from durable_server.engine.decision import Draft


class OpenSignalWait(NamedTuple):
    """The signal's name, and how long to wait for it."""

    name: str
    seconds: int | None


def parse(fields: Fields) -> OpenSignalWait:
    """Read the command."""
    name = fields.verbatim("signal_name")
    if not name:
        fields.problem("signal_name", "Open signal wait commands require a non-empty signal_name.")
    return OpenSignalWait(name or "", fields.integer("timeout_seconds", least=0))


def apply(draft: Draft, command: OpenSignalWait, batch: Any) -> None:
    """Open the wait; a signal that came before and that no wait took ends it at once."""
    before = signal_events.buffered(draft, command.name)
    waits.open_signal(draft, command.name, before, command.seconds)
