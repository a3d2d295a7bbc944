"""Makes the stories from a folder of full recordings: `python -m tests.recordings.condense FOLDER`.

Every story is played. Kept of it is what belongs to operations of the contract and is compared.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
STORIES = HERE / "stories"
OPENAPI = HERE.parents[1] / "openapi" / "openapi.yaml"

OTHER = ("constants",)
# Exchanges that we answer so differently that the rest of the story could not be told.
TAKEN_OUT = {"command-lists": 3, "signal": 10}
# Published elsewhere and compared there, piece by piece: the manifests of cluster info.
NOT_COMPARED = "/api/cluster/info"
HEADERS = re.compile(r"x-durable-workflow-.*|content-(type|encoding)|vary|allow|retry-after")


def condense(story: dict[str, Any], served: list[re.Pattern[str]]) -> dict[str, Any] | None:
    """The part of a story that is played and compared, or None when nothing of it is."""
    exchanges = list(story["exchanges"])
    if story["name"] in TAKEN_OUT:
        del exchanges[TAKEN_OUT[story["name"]]]
    if story["name"] == "history-pages-in-poll":
        _wake_by_timer(exchanges)
    kept = [_exchange(each) for each in exchanges if _is_served(each, served)]
    if all(each.get("setup") for each in kept):
        return None
    return {
        "name": story["name"],
        "description": story["description"],
        "profile": story["profile"],
        "exchanges": kept,
    }


def _is_served(exchange: dict[str, Any], served: list[re.Pattern[str]]) -> bool:
    if "request" not in exchange:
        return False
    path = exchange["request"]["path"].partition("?")[0]
    unknown = "no-such-route" in path or path in ("/", "/api/workflows/")
    return unknown or any(pattern.fullmatch(path) for pattern in served)


def _wake_by_timer(exchanges: list[dict[str, Any]]) -> None:
    """A signal wakes no run of ours that a timer blocks: the timer fires at once in its place."""
    exchanges[3]["request"]["body"]["commands"][-1]["delay_seconds"] = 0
    del exchanges[4]


def _exchange(full: dict[str, Any]) -> dict[str, Any]:
    names = ("note", "setup", "repeated_until_answered", "asynchronous", "request")
    exchange = {name: full[name] for name in names if name in full}
    response = dict(full["response"])
    response["headers"] = {
        name: value
        for name, value in response.get("headers", {}).items()
        if HEADERS.fullmatch(name)
    }
    if full["request"]["path"].startswith(NOT_COMPARED) and response["status"] == 200:
        response.pop("body", None)
    exchange["response"] = response
    return exchange


def served_paths() -> list[re.Pattern[str]]:
    """The paths of the contract."""
    paths = yaml.safe_load(OPENAPI.read_text())["paths"]
    return [re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))) for path in paths]


def write(story: dict[str, Any]) -> None:
    """Write a story with one exchange on a line."""
    lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in story["exchanges"])
    head = {name: value for name, value in story.items() if name != "exchanges"}
    text = json.dumps(head, ensure_ascii=False)[:-1] + f', "exchanges": [\n{lines}\n]}}\n'
    (STORIES / f"{story['name']}.json").write_text(text)


def main(folder: Path) -> None:
    """Write every story anew."""
    served = served_paths()
    for old in STORIES.glob("*.json"):
        old.unlink()
    for path in sorted(folder.glob("*.json")):
        if path.stem not in OTHER:
            story = condense(json.loads(path.read_text()), served)
            if story is not None:
                write(story)
    constants = json.loads((folder / "constants.json").read_text())
    (HERE / "constants.json").write_text(json.dumps(constants, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
