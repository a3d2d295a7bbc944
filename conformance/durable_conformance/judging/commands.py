"""What the commands of a completed workflow task break in the contract."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from durable_conformance.judging import clauses, schemas
from durable_conformance.judging.schemas import Place

_ENDING = frozenset({"complete_workflow", "fail_workflow", "continue_as_new"})


@dataclass(frozen=True)
class Flaw:
    """What is wrong with a command; the place is below `/commands`."""

    place: Place
    rule: str
    message: str
    clause: str


def flaws(commands: Any) -> Iterator[Flaw]:
    """Everything that is wrong with a list of commands beside its shape."""
    ended_by: str | None = None
    for index, command in enumerate(commands if isinstance(commands, list) else ()):
        kind = command.get("type") if isinstance(command, dict) else None
        if not isinstance(kind, str):
            continue
        if ended_by is not None:
            text = f"nothing follows {ended_by}, which ends the run"
            yield Flaw((index,), "command_after_the_end", text, clauses.AFTER_THE_END)
        ended_by = kind if kind in _ENDING else ended_by
        yield from _of_one(index, kind, command)


def _of_one(index: int, kind: str, command: dict[str, Any]) -> Iterator[Flaw]:
    validator = schemas.of_command(kind)
    if validator is None:
        text = f"the contract has no command {kind}"
        yield Flaw((index, "type"), "unknown_command", text, clauses.UNKNOWN_COMMAND)
        return
    clause = clauses.of_command(kind)
    for place, text in schemas.flaws(validator, command):
        yield Flaw((index, *place), "command_field", text, clause)
    for member, value in command.items():
        kinds = schemas.members_of_commands().get(member)
        if kinds is not None and kind not in kinds and value is not None:
            text = f"{member} belongs to {', '.join(sorted(kinds))}, not to {kind}"
            yield Flaw((index, member), "misplaced_field", text, clause)
