"""The parallel fields with which a worker marks the members of a group; they are echoed as sent."""

from collections import defaultdict
from typing import Any, NamedTuple

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
_MEMBER_NUMBERS = (("index", 0), ("base_sequence", 1), ("size", 1))
_MEMBER_KINDS = frozenset({"activity", "timer", "child", "group"})
_SELECT = "A select group needs a key, index, base, size and kind of each member."


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
    if any(entry.get("parallel_group_mode") == "select" for entry in path[1:]):
        fields.problem(_PATH, "A select group stands outermost.")
        return None
    if path[0].get("parallel_group_mode") == "select" and not _names_member(path[0]):
        fields.problem(_PATH, _SELECT)
        return None
    return {**path[-1], _PATH: path}


def in_select_group(fields: Fields) -> bool:
    """Whether a command is marked as a member of a select group."""
    path = fields.raw.get(_PATH)
    entries = path if isinstance(path, list) else []
    marked = [each.get("parallel_group_mode") for each in entries if isinstance(each, dict)]
    return "select" in marked


class Entry(NamedTuple):
    """A group as one entry of a path names it, at its depth."""

    depth: int
    group_id: str
    kind: str
    base: int
    size: int


def misplaced(groups: list[dict[str, Any] | None]) -> tuple[int, str] | None:
    """The first member whose groups do not fit its step, or are not all there; None when all do.

    `groups` holds the parallel fields of every command of a batch.
    """
    seen: defaultdict[Entry, set[int]] = defaultdict(set)
    first: dict[Entry, int] = {}
    for position, group in enumerate(groups):
        if group is None:
            continue
        step = step_of(group)
        for depth, entry in enumerate(group[_PATH]):
            base, index = (entry[f"parallel_group_{name}"] for name in ("base_sequence", "index"))
            if base + index != step:
                return position, f"Step {step} is not member {index} of a group that begins {base}."
            size = entry["parallel_group_size"]
            names = (entry["parallel_group_id"], entry["parallel_group_kind"])
            key = Entry(depth, *names, base, size)
            seen[key].add(index)
            first.setdefault(key, position)
    for key, indices in seen.items():
        if len(indices) != key.size:
            return first[key], f"Only {len(indices)} of {key.size} members of a group are here."
    return None


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


def _names_member(entry: dict[str, Any]) -> bool:
    key = entry.get("selection_member_key")
    named = isinstance(key, str) and bool(key)
    numbered = isinstance(key, int) and not isinstance(key, bool) and key >= 0
    if not named and not numbered:
        return False
    if entry.get("selection_member_kind") not in _MEMBER_KINDS:
        return False
    values = [(entry.get(f"selection_member_{name}"), least) for name, least in _MEMBER_NUMBERS]
    return all(
        isinstance(value, int) and not isinstance(value, bool) and value >= least
        for value, least in values
    )
