"""What the release at hand can express, asked of the release itself; as a program, as JSON."""

import importlib
import inspect
import json
from typing import Any

from capabilities import CAPABILITIES

PACKAGE = "durable_workflow"


def lacks(ask: str) -> bool:
    """Whether the release has no such name, or the name has no such parameter."""
    path, _, option = ask.rstrip(")").partition("(")
    try:
        found = _named(path)
    except LookupError:
        return True
    return bool(option) and option not in inspect.signature(found).parameters


def missing(capability: str) -> str | None:
    """The first thing that a capability asks for and that the release does not have."""
    return next((ask for ask in CAPABILITIES[capability].asks if lacks(ask)), None)


def answers() -> dict[str, str | None]:
    """What is missing for each capability."""
    return {name: missing(name) for name in CAPABILITIES}


def _named(path: str) -> Any:
    module, *attributes = path.split(".")
    try:
        found = importlib.import_module(f"{PACKAGE}.{module}")
        for name in attributes:
            found = getattr(found, name)
    except (ImportError, AttributeError) as absent:
        raise LookupError(path) from absent
    return found


if __name__ == "__main__":
    print(json.dumps(answers()))
