"""The versions of the two planes: what is advertised, what is accepted, what is echoed."""

import functools
import re

CONTROL_VERSION = "2"
CONTROL_HEADER = "X-Durable-Workflow-Control-Plane-Version"
WORKER_VERSION = "1.20"
WORKER_HEADER = "X-Durable-Workflow-Protocol-Version"

# Clients that insist on one advertised version find the whole API under /protocol/<version>/.
ADDRESSED_VERSIONS = ("1.0", "1.1", "1.19", "1.20")

_VERSION = re.compile(r"(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})")


def parse(text: str) -> tuple[int, int] | None:
    """Major and minor of a two-part version, or None when the text is none."""
    match = _VERSION.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


def accepts_control(text: str) -> bool:
    """Whether a control-plane version header asks for what we speak."""
    return text.strip() == CONTROL_VERSION


@functools.lru_cache(maxsize=256)
def accepts_worker(text: str) -> bool:
    """Whether a worker may speak this version: our major, no newer minor than ours.

    The answer is the same at every address, whatever version is advertised there.
    """
    asked, ours = parse(text.strip()), parse(WORKER_VERSION)
    if asked is None or ours is None:
        return False
    return asked[0] == ours[0] and asked[1] <= ours[1]


def echoed_worker(text: str | None) -> str:
    """The version that a worker-plane reply carries: the one asked for, ours after a refusal."""
    if text is not None and accepts_worker(text):
        return text.strip()
    return WORKER_VERSION
