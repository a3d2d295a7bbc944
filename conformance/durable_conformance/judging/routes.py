"""From a method and a path to the operation of the contract."""

import re
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import unquote

from durable_contracts.operations import Operation
from durable_contracts.versions import ADDRESSED_VERSIONS

from durable_conformance.contract import operations

_PARAMETER = re.compile(r"\{([a-z_]+)\}")
_ADDRESS = "/protocol/"


@dataclass(frozen=True)
class Match:
    """What a path leads to: an operation and its path parameters, or only the methods there are."""

    operation: Operation | None
    values: dict[str, str] = field(default_factory=dict)
    methods: tuple[str, ...] = ()


def match(method: str, path: str) -> Match:
    """The operation that a request is for; `path` is as it was sent, without the query."""
    wanted = "GET" if method == "HEAD" else method
    segments = _segments(path)
    for template, by_method in _templates().get(len(segments), ()):
        values = _values(template, segments)
        if values is not None:
            return Match(by_method.get(wanted), values, tuple(sorted(by_method)))
    return Match(None)


def plane_of(path: str) -> str:
    """The plane whose envelope answers a path, also one that nobody knows."""
    segments = _segments(path)
    if segments[:2] == ["api", "worker"]:
        return "worker"
    return "control" if segments[:1] == ["api"] else "public"


def _segments(path: str) -> list[str]:
    for version in ADDRESSED_VERSIONS:
        path = path.removeprefix(f"{_ADDRESS}{version}") or "/"
    return path.strip("/").split("/")


def _values(template: list[str], segments: list[str]) -> dict[str, str] | None:
    values = {}
    for wanted, sent in zip(template, segments, strict=True):
        parameter = _PARAMETER.fullmatch(wanted)
        if parameter:
            values[parameter[1]] = unquote(sent)
        elif wanted != sent:
            return None
    return values


@cache
def _templates() -> dict[int, list[tuple[list[str], dict[str, Operation]]]]:
    """The paths of the contract by their length; those that say more come first."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in operations().values():
        by_path.setdefault(operation.path, {})[operation.method] = operation
    found: dict[int, list[tuple[list[str], dict[str, Operation]]]] = {}
    for path in sorted(
        by_path, key=lambda text: [part.startswith("{") for part in text.split("/")]
    ):
        template = path.strip("/").split("/")
        found.setdefault(len(template), []).append((template, by_path[path]))
    return found
