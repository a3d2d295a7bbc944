"""Reading stories: the exchanges with a public server, as recorded."""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in (HERE / "stories").glob("*.json"))


@dataclass(frozen=True)
class Exchange:
    """One request, and what the recorded server answered."""

    method: str
    path: str
    auth: str | None
    headers: dict[str, str]
    body: Any
    raw_body: str | None
    repeated: bool
    asynchronous: bool
    status: int
    response: dict[str, Any]


@dataclass(frozen=True)
class Story:
    """Exchanges in order; the profile says with which credentials."""

    name: str
    profile: str
    exchanges: tuple[Exchange, ...]


@cache
def story(name: str) -> Story:
    """The story of this name."""
    raw = json.loads((HERE / "stories" / f"{name}.json").read_text())
    return Story(name, raw["profile"], tuple(_exchange(each) for each in raw["exchanges"]))


@cache
def constants() -> dict[str, Any]:
    """Blocks that many answers have in common, by name."""
    found: dict[str, Any] = json.loads((HERE / "constants.json").read_text())
    return found


def _raw_body(text: str | None) -> str | None:
    """The body that was sent; `<N bytes: {"a":"xx...>` tells of a large one by its beginning."""
    large = re.fullmatch(r"<(\d+) bytes: (.*)\.\.\.>", text or "", re.DOTALL)
    if large is None:
        return text
    end = '"]}'
    return large[2].ljust(int(large[1]) - len(end), "x") + end


def _exchange(raw: dict[str, Any]) -> Exchange:
    request, response = raw["request"], raw["response"]
    return Exchange(
        request["method"],
        request["path"],
        request["auth"],
        request["headers"],
        request.get("body"),
        _raw_body(request.get("raw_body")),
        raw.get("repeated_until_answered", False),
        raw.get("asynchronous", False),
        response["status"],
        {name: response[name] for name in ("headers", "body") if name in response},
    )
