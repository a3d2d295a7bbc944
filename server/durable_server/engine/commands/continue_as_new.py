"""`continue_as_new`: the run ends and the workflow goes on in another one with a new history."""

from typing import Any, NamedTuple

from durable_server.engine import continue_as_new, trace_context
from durable_server.engine.commands.fields import OF_RUN, Fields
from durable_server.engine.decision import Draft
from durable_server.engine.run_state import Payload


class ContinueAsNew(NamedTuple):
    """What the next run begins with; None where it is that of this run."""

    workflow_type: str | None
    arguments: Payload | None
    queue: str | None
    trace: str | None = None


def parse(fields: Fields) -> ContinueAsNew:
    """Read the command; `task_queue` and `input` stand in for `queue` and `arguments`."""
    return ContinueAsNew(
        fields.text("workflow_type"),
        fields.payload("arguments", "input"),
        fields.text("queue") or fields.text("task_queue"),
        trace_context.of_body(fields.raw.get("observability_context")),
    )


def apply(draft: Draft, command: ContinueAsNew, batch: Any) -> str:
    """Close the run and begin the next one; returns the id of its first task."""
    arguments = command.arguments
    if arguments is not None and arguments.codec == OF_RUN:
        arguments = Payload(draft.run.codec_name, arguments.blob)
    return continue_as_new.continue_as_new(draft, command._replace(arguments=arguments))
