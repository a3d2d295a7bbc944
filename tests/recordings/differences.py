"""The deliberate differences from the recorded server, each with its reason.

An entry of differences.yaml covers every difference that fits all it names:

    why       the reason, for people
    paths     globs of places in the answer, such as `body.events.*.payload.task`; `*` crosses dots
    what      status, missing, extra or changed; all of them when absent
    stories   globs of story names; every story when absent
    requests  globs of `METHOD path`; every request when absent
    recorded  the recorded value, when only that one is meant
    ours      our value, when only that one is meant
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.recordings.compare import Difference

FILE = Path(__file__).parent / "differences.yaml"
_ANY = object()


@dataclass(frozen=True, eq=False)
class Deliberate:
    """One entry of the file."""

    why: str
    paths: tuple[str, ...]
    what: tuple[str, ...]
    stories: tuple[str, ...]
    requests: tuple[str, ...]
    recorded: Any
    ours: Any

    def covers(self, story: str, difference: Difference) -> bool:
        """Whether this entry speaks of the difference."""
        request = difference.request.partition(" ")[2]
        return (
            difference.what in self.what
            and _fits(story, self.stories)
            and _fits(request, self.requests)
            and _fits(difference.path, self.paths)
            and (self.recorded is _ANY or _equal(self.recorded, difference.recorded))
            and (self.ours is _ANY or _equal(self.ours, difference.ours))
        )


@cache
def deliberate() -> tuple[Deliberate, ...]:
    """Every entry, in the order of the file."""
    return tuple(_entry(raw) for raw in yaml.safe_load(FILE.read_text()))


def covering(story: str, difference: Difference) -> list[Deliberate]:
    """The entries that speak of a difference."""
    return [entry for entry in deliberate() if entry.covers(story, difference)]


def _entry(raw: dict[str, Any]) -> Deliberate:
    return Deliberate(
        raw["why"],
        tuple(raw["paths"]),
        tuple(raw.get("what", ("status", "missing", "extra", "changed"))),
        tuple(raw.get("stories", ("*",))),
        tuple(raw.get("requests", ("*",))),
        raw.get("recorded", _ANY),
        raw.get("ours", _ANY),
    )


def _fits(text: str, globs: tuple[str, ...]) -> bool:
    return any(fnmatchcase(text, glob) for glob in globs)


def _equal(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)
