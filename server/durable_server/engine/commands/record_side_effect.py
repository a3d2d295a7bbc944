"""`record_side_effect`: a value that workflow code made once and must see again on replay."""

from typing import Any, NamedTuple

from durable_server import payloads
from durable_server.engine.commands.fields import Fields, encoded
from durable_server.engine.decision import Draft
from durable_server.engine.run_state import Payload


class RecordSideEffect(NamedTuple):
    """The value as the worker encoded it."""

    result: Payload | None


def parse(fields: Fields) -> RecordSideEffect:
    """Read the command; the result is a blob or, from the oldest SDK, an envelope."""
    value = fields.raw.get("result")
    if not (isinstance(value, str) and value) and not payloads.is_envelope(value):
        fields.problem("result", "Record side effect commands require a string result.")
        return RecordSideEffect(None)
    return RecordSideEffect(fields.payload("result"))


def apply(draft: Draft, command: RecordSideEffect, batch: Any) -> None:
    """Record the value."""
    result = encoded(draft, command.result)
    assert result is not None
    step = draft.take_step()
    draft.append(
        "SideEffectRecorded",
        {"sequence": step, "result": payloads.in_event(result), "payload_codec": result.codec},
        task_id=batch.completion.task_id,
    )
