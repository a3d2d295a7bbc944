"""`complete_workflow`: the run ends with a result."""

from typing import Any, NamedTuple

from durable_server.engine import closing
from durable_server.engine.commands.fields import Fields, encoded
from durable_server.engine.decision import Draft
from durable_server.engine.run_state import Payload


class CompleteWorkflow(NamedTuple):
    """What the workflow returned, if anything."""

    result: Payload | None


def parse(fields: Fields) -> CompleteWorkflow:
    """Read the command."""
    return CompleteWorkflow(fields.payload("result"))


def apply(draft: Draft, command: CompleteWorkflow, batch: Any) -> None:
    """Close the run as completed."""
    closing.complete_run(draft, encoded(draft, command.result))
