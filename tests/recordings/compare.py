"""Holding an answer against the recorded one: statuses, keys, types, constants and reasons.

Placeholders stand for what depends on the server. `<id:N>` is bound to what stands in its place at
first and must be the same from then on. Texts for people are not compared.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from tests.recordings.stories import constants

_ID = re.compile(r"<id:(\d+)>")
_PLACES = {
    "<time:T.6Z>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z",
    "<time:T+00:00>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00",
}
_PLACE = re.compile(r"<(?:id:\d+|time:T[^>]*|sha256|[a-z-]+|avro \{.*\}|constant:\w+|html page)>")
_TEXTS = frozenset({"message", "error", "remediation", "detail", "hint"})
_TEXTS_BY_FIELD = frozenset({"errors", "validation_errors"})


@dataclass(frozen=True)
class Difference:
    """One place where an answer differs from the recorded one.

    what: status | missing (we leave it out) | extra (only we have it) | changed.
    """

    request: str
    path: str
    what: str
    recorded: Any
    ours: Any

    def __str__(self) -> str:
        return f"{self.request}: {self.path} {self.what}: {self.recorded!r} -> {self.ours!r}"


@dataclass
class Comparison:
    """What a story has bound so far, and the differences found."""

    request: str = ""
    bound: dict[str, str] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    def fill(self, value: Any) -> Any:
        """A part of a request with the ids of our server in place of the recorded ones."""
        if isinstance(value, str):
            return _ID.sub(lambda match: self.bound.get(match[1], match[0]), value)
        if isinstance(value, dict):
            return {key: self.fill(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        return value

    def note(self, path: str, what: str, recorded: Any, ours: Any) -> None:
        """Keep a difference."""
        self.differences.append(Difference(self.request, path, what, recorded, ours))

    def compare(self, path: str, recorded: Any, ours: Any) -> None:
        """Compare two JSON values and everything inside."""
        if isinstance(recorded, str) and recorded.startswith("<constant:"):
            recorded = constants()[recorded[10:-1]]
        name = path.rpartition(".")[2]
        if isinstance(recorded, dict) and isinstance(ours, dict):
            self._objects(path, recorded, ours, texts=name in _TEXTS_BY_FIELD)
        elif isinstance(recorded, list) and isinstance(ours, list):
            self._lists(path, recorded, ours)
        elif name in _TEXTS and isinstance(recorded, str) and isinstance(ours, str):
            return
        elif not self._same(recorded, ours):
            self.note(path, "changed", recorded, ours)

    def _objects(
        self, path: str, recorded: dict[str, Any], ours: dict[str, Any], *, texts: bool
    ) -> None:
        for key in recorded.keys() - ours.keys():
            self.note(f"{path}.{key}", "missing", recorded[key], None)
        for key in ours.keys() - recorded.keys():
            self.note(f"{path}.{key}", "extra", None, ours[key])
        for key in recorded.keys() & ours.keys():
            if not texts:
                self.compare(f"{path}.{key}", recorded[key], ours[key])

    def _lists(self, path: str, recorded: list[Any], ours: list[Any]) -> None:
        if recorded and all(isinstance(item, str) for item in [*recorded, *ours]):
            if len(recorded) != len(ours) or not all(map(self._same, recorded, ours)):
                self.note(path, "changed", recorded, ours)
            return
        if len(recorded) != len(ours):
            self.note(f"{path}.length", "changed", len(recorded), len(ours))
        for index, (theirs, our) in enumerate(zip(recorded, ours, strict=False)):
            self.compare(f"{path}.{index}", theirs, our)

    def _same(self, recorded: Any, ours: Any) -> bool:
        if recorded == "<number>":
            return isinstance(ours, int | float) and not isinstance(ours, bool)
        if isinstance(recorded, str) and isinstance(ours, str) and _PLACE.search(recorded):
            return self._fits(recorded, ours)
        return type(recorded) is type(ours) and recorded == ours

    def _fits(self, recorded: str, ours: str) -> bool:
        """Whether a text fits one with placeholders; binds ids that are met for the first time."""
        numbers: list[str] = []

        def expression(match: re.Match[str]) -> str:
            number = _ID.fullmatch(match[0])
            if number is None:
                return _PLACES.get(match[0], r".+")
            numbers.append(number[1])
            known = self.bound.get(number[1])
            return f"({re.escape(known)})" if known else r"([\w.-]+)"

        parts, at = [], 0
        for match in _PLACE.finditer(recorded):
            parts += [re.escape(recorded[at : match.start()]), expression(match)]
            at = match.end()
        fitting = re.fullmatch("".join(parts) + re.escape(recorded[at:]), ours)
        if fitting is None:
            return False
        self.bound.update(zip(numbers, fitting.groups(), strict=True))
        return True
