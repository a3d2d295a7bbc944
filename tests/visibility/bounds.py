"""How many keys make a search walk, look ahead, or look for what its parts have in common."""

from typing import NamedTuple

import pytest
from durable_server.store import candidates, meetings


class Bounds(NamedTuple):
    """Numbers of keys, as `candidates` and `meetings` have them."""

    keys_max: int
    heads: tuple[int, ...]
    common_min: int
    common_max: int


_BOUNDS = {
    "as they are": None,
    "walking": Bounds(3, (2, 4), 1, 0),
    "meeting": Bounds(3, (1,), 1, 50_000),
    "meeting of the narrow": Bounds(3, (1, 2), 1, 12),
}
BOUNDS = list(_BOUNDS)


def set_bounds(patch: pytest.MonkeyPatch, name: str) -> None:
    """Set one of the BOUNDS, so that a few runs take the ways that many take."""
    bounds = _BOUNDS[name]
    if bounds is not None:
        patch.setattr(candidates, "KEYS_MAX", bounds.keys_max)
        patch.setattr(meetings, "HEADS", dict.fromkeys(meetings.HEADS, bounds.heads))
        patch.setattr(meetings, "COMMON_MIN", bounds.common_min)
        patch.setattr(meetings, "COMMON_MAX", bounds.common_max)
