"""Reading the files that describe the image and its surroundings."""

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]


class Instruction(NamedTuple):
    """One instruction of a Dockerfile."""

    word: str
    rest: str


def dockerfile() -> list[Instruction]:
    """The instructions of the Dockerfile, in order, each on one line."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [Instruction(*line.split(maxsplit=1)) for line in lines if line.strip()]


def given(word: str) -> list[str]:
    """What every instruction of this name says, in order."""
    return [each.rest for each in dockerfile() if each.word == word]


def environment() -> dict[str, str]:
    """What the image sets for its processes."""
    return dict(pair.split("=", 1) for line in given("ENV") for pair in shlex.split(line))


def command() -> list[str]:
    """What the image runs when nothing else is asked for."""
    words: list[str] = json.loads(given("CMD")[-1])
    return words


def compose() -> dict[str, Any]:
    """The compose file, with its anchors and merges resolved."""
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return parsed


def ours() -> dict[str, dict[str, Any]]:
    """The services of the compose file that run the image."""
    services = compose()["services"]
    return {
        name: each for name, each in services.items() if each["image"] == "durable-workflow-server"
    }


def scripts() -> dict[str, str]:
    """The commands that the wheel installs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found: dict[str, str] = project["scripts"]
    return found
