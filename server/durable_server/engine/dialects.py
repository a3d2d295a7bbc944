"""What a published SDK release cannot read, decided from the version it registered with."""

import functools
import re

_PYTHON = re.compile(r"durable-workflow-python/(\d+)\.(\d+)\.(\d+)")


@functools.lru_cache(maxsize=256)
def python_version(sdk_version: str | None) -> tuple[int, int, int] | None:
    """The release of the official Python SDK, or None for any other worker."""
    match = _PYTHON.match(sdk_version or "")
    if match is None:
        return None
    major, minor, patch = match.groups()
    return int(major), int(minor), int(patch)


def blind_to_failures(sdk_version: str | None) -> bool:
    """Whether workflow code never learns of a failed activity and would schedule it for ever."""
    version = python_version(sdk_version)
    return version is not None and version <= (0, 4, 28)


STOPPED = frozenset({"cancelled", "terminated"})


def blind_to_stopped_children(sdk_version: str | None) -> bool:
    """Whether workflow code never learns of a stopped child unless it is told of a failure."""
    version = python_version(sdk_version)
    return version is not None and version <= (0, 4, 65)


def waits_once(sdk_version: str | None) -> bool:
    """Whether a wait that ends and begins anew is taken for a condition that holds."""
    version = python_version(sdk_version)
    return version is not None and version < (0, 4, 90)


def runs_handlers(sdk_version: str | None) -> bool:
    """Whether workflow code runs a handler for every signal that its history shows."""
    return (sdk_version or "").startswith(("durable-workflow-python/", "durable-workflow-php/"))


def marks_each_call(sdk_version: str | None) -> bool:
    """Whether each call for the version of one change consumes a marker of its own on replay."""
    version = python_version(sdk_version)
    return version is not None and version < (2, 5, 1)


def answers_queries(sdk_version: str | None) -> bool:
    """Whether a worker polls for query tasks at all."""
    version = python_version(sdk_version)
    return version is None or version >= (0, 3, 0)


def reads_exact_instants(sdk_version: str | None) -> bool:
    """Whether deadlines of activities must be told to the microsecond."""
    version = python_version(sdk_version)
    return version is not None and version >= (2, 8, 0)
