"""How much is tried."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """Requests for each operation and mode, from a seed, until a moment."""

    examples: int
    seed: int
    ends_at: float

    def late(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self.ends_at
