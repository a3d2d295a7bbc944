"""`record_version_marker`: which version of its code a run has taken, once and for all."""

from typing import Any, NamedTuple

from durable_server.engine import dialects
from durable_server.engine.commands.fields import Fields
from durable_server.engine.decision import Draft


class RecordVersionMarker(NamedTuple):
    """A change, the version taken, and the range that the code supports."""

    change_id: str
    version: int
    min_supported: int
    max_supported: int


def parse(fields: Fields) -> RecordVersionMarker:
    """Read the command."""
    numbers = []
    for name in ("version", "min_supported", "max_supported"):
        number = fields.integer(name)
        if fields.raw.get(name) is None:
            fields.problem(name, f"{name} must be an integer")
        numbers.append(number or 0)
    change_id = fields.required_text("change_id", "change_id is required")
    return RecordVersionMarker(change_id, *numbers)


def apply(draft: Draft, command: RecordVersionMarker, batch: Any) -> None:
    """Record the marker; another version of the same change is refused.

    The same one again records nothing, except for workers that look for one at each call.
    """
    if not command.min_supported <= command.version <= command.max_supported:
        raise batch.refuse("The version must lie between min_supported and max_supported.")
    recorded = draft.run.version_markers.get(command.change_id)
    if recorded == command.version and not dialects.marks_each_call(draft.run.sdk_version):
        return
    if recorded not in (None, command.version):
        raise batch.refuse(f"Change [{command.change_id}] is recorded with version {recorded}.")
    draft.run.version_markers[command.change_id] = command.version
    draft.append(
        "VersionMarkerRecorded",
        {"sequence": draft.take_step(), **command._asdict()},
        task_id=batch.completion.task_id,
    )
