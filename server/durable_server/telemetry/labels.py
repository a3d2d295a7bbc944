"""Label values that clients choose, of which only so many are told apart."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

OTHER = "other"
Child = TypeVar("Child")


class Bounded(Generic[Child]):
    """The series of a metric by label values; those beyond the bound share one.

    `make(labels)` makes a series. The first `most` different values get one of their own; all
    others are counted under `other`, so that no client can make the server remember more.
    """

    def __init__(self, make: Callable[..., Child], labels: int, most: int) -> None:
        self._make = make
        self._most = most
        self._rest = (OTHER,) * labels
        self._made: dict[tuple[str, ...], Child] = {}
        self._lock = threading.Lock()

    def of(self, *values: str) -> Child:
        """The series of these values, or the one that is shared."""
        made = self._made.get(values)
        return made if made is not None else self._add(values)

    def _add(self, values: tuple[str, ...]) -> Child:
        with self._lock:
            if len(self._made) >= self._most and values not in self._made:
                values = self._rest
            if values not in self._made:
                self._made[values] = self._make(*values)
            return self._made[values]
