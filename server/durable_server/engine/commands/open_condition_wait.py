"""`open_condition_wait`: the workflow waits until what it is told makes a condition true."""

from typing import Any, NamedTuple

from durable_server.engine import waits
from durable_server.engine.commands.fields import Fields
from durable_server.engine.decision import Draft


class OpenConditionWait(NamedTuple):
    """The author's name for the condition, the digest of its code, and how long to wait."""

    key: str | None
    fingerprint: str | None
    seconds: int | None


def parse(fields: Fields) -> OpenConditionWait:
    """Read the command; names go back to the worker exactly as they came."""
    return OpenConditionWait(
        fields.verbatim("condition_key"),
        fields.verbatim("condition_definition_fingerprint"),
        fields.integer("timeout_seconds", least=0),
    )


def apply(draft: Draft, command: OpenConditionWait, batch: Any) -> None:
    """Open the wait, unless the same one is open and its worker only waits on."""
    if not waits.stays_open(draft.run, *command):
        waits.open_condition(draft, *command)
