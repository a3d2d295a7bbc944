"""Names that a scenario saves and uses: `{run}`, `{task.task_id}`, `{worker.first}`."""

import re
from typing import Any

from durable_conformance.verdict import Undecided

_NAME = re.compile(r"\{([a-z_][a-z0-9_]*(?:\.[A-Za-z0-9_-]+)*)\}")
_INDEX = re.compile(r"-?[0-9]+")


class WorkerIds:
    """Worker ids by the name that a scenario gives a worker; unique to one run of the scenario."""

    def __init__(self, unique: str) -> None:
        self._unique = unique

    def __getitem__(self, name: str) -> str:
        return f"{name}-{self._unique}"


class Variables:
    """What a scenario knows: its unique names, and what its steps saved."""

    def __init__(self, unique: str, known: dict[str, Any]) -> None:
        self._values: dict[str, Any] = {
            "unique": unique,
            "workflow": f"workflow-{unique}",
            "queue": f"queue-{unique}",
            "worker": WorkerIds(unique),
            **known,
        }

    def save(self, name: str, value: Any) -> None:
        """Remember a value under a name."""
        self._values[name] = value

    def look_up(self, path: str) -> Any:
        """The value of a dotted name; an unknown one is a fault of the scenario."""
        name, *rest = path.split(".")
        if name not in self._values:
            raise Undecided(f"nothing was saved as {name!r}")
        try:
            return dig(self._values[name], rest)
        except LookupError as error:
            raise Undecided(f"{path!r}: {error}") from error

    def fill(self, value: Any) -> Any:
        """A copy with every `{name}` replaced; a text that is only a name takes its type too."""
        if isinstance(value, dict):
            return {self.fill(key): self.fill(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        if not isinstance(value, str):
            return value
        whole = _NAME.fullmatch(value)
        if whole:
            return self.look_up(whole[1])
        return _NAME.sub(lambda match: str(self.look_up(match[1])), value)


def dig(value: Any, names: list[str]) -> Any:
    """The member of a value that a dotted path names; LookupError when there is none."""
    for name in names:
        if isinstance(value, WorkerIds) or (isinstance(value, dict) and name in value):
            value = value[name]
        elif isinstance(value, list) and _INDEX.fullmatch(name):
            if not -len(value) <= int(name) < len(value):
                raise LookupError(f"there is no item {name}")
            value = value[int(name)]
        else:
            raise LookupError(f"there is no member {name}")
    return value
