"""The parallel fields with which a worker marks the members of a group; they are echoed as sent."""

from typing import Any

from durable_server.engine.commands.fields import Fields

_FIELDS = (
    "parallel_group_id",
    "parallel_group_kind",
    "parallel_group_base_sequence",
    "parallel_group_size",
    "parallel_group_index",
)
_PATH = "parallel_group_path"
_NUMBERS = (("base_sequence", 1), ("size", 1), ("index", 0))


def parse_group(fields: Fields) -> dict[str, Any] | None:
    """The parallel fields of a command, or None when it carries none."""
    present = [name for name in (*_FIELDS, _PATH) if fields.raw.get(name) is not None]
    if not present:
        return None
    path = fields.raw.get(_PATH)
    if len(present) < len(_FIELDS) + 1 or not isinstance(path, list) or not path:
        fields.problem(_PATH, "Parallel metadata needs all six parallel_group fields.")
        return None
    group = {name: fields.raw[name] for name in _FIELDS}
    entries = [*path, group]
    if not all(_well_formed(entry) for entry in entries):
        fields.problem(_PATH, "Each parallel group needs an id, kind, base, size and index.")
        return None
    if any(path[-1].get(name) != group[name] for name in _FIELDS):
        fields.problem(_PATH, "The last entry must equal the parallel fields of the command.")
        return None
    return {**group, _PATH: path}


def step_of(group: dict[str, Any]) -> int:
    """The step number that the worker expects for a member."""
    base: int = group["parallel_group_base_sequence"]
    index: int = group["parallel_group_index"]
    return base + index


def _well_formed(entry: Any) -> bool:
    if not isinstance(entry, dict):
        return False
    if not all(isinstance(entry.get(f"parallel_group_{name}"), str) for name in ("id", "kind")):
        return False
    for name, least in _NUMBERS:
        value = entry.get(f"parallel_group_{name}")
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            return False
    index: int = entry["parallel_group_index"]
    size: int = entry["parallel_group_size"]
    return index < size
