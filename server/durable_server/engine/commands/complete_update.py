"""`complete_update`: the handler of an update has returned."""

from typing import Any, NamedTuple

import orjson

from durable_server.engine import update_events
from durable_server.engine.commands.fields import Fields, encoded
from durable_server.engine.decision import Draft
from durable_server.engine.run_state import Payload, Update

NO_UPDATE = "Workflow task command field [update_id] must be a non-empty string."


class CompleteUpdate(NamedTuple):
    """Which update, and what it returned."""

    update_id: str
    result: Payload | None


def parse(fields: Fields) -> CompleteUpdate:
    """Read the command."""
    return CompleteUpdate(fields.required_text("update_id", NO_UPDATE), fields.payload("result"))


def apply(draft: Draft, command: CompleteUpdate, batch: Any) -> None:
    """Record what the update returned."""
    update = accepted_update(draft, command.update_id, batch)
    update_events.complete(draft, update, encoded(draft, command.result))


def accepted_update(draft: Draft, update_id: str, batch: Any) -> Update:
    """The update that a command finishes; refuses the batch when there is none to finish."""
    task = draft.task(batch.completion.task_id)
    asked = orjson.loads(task.resume).get("workflow_update_id") if task.resume else None
    if asked not in (None, update_id):
        raise batch.refuse(f"The task is for the update [{asked}], not for [{update_id}].")
    for update in draft.updates():
        if update.update_id == update_id and update.recorded:
            if update.status != update_events.OPEN:
                raise batch.refuse(f"The update [{update_id}] is {update.status} already.")
            return update
    raise batch.refuse(f"The run has no open update [{update_id}].")
