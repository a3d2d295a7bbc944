"""What the server tells whoever measures it: values, after the fact, never asked anything back.

`Observer` tells nobody; `telemetry` measures. Every method may be called from any thread.
"""

from typing import Any, NamedTuple


class Handed(NamedTuple):
    """A task that was leased to a poll. how: handed_over | claimed; waited in seconds."""

    namespace: str
    task_queue: str
    kind: str
    how: str
    waited_seconds: float


class Carried(NamedTuple):
    """What one committed batch did: runs started by namespace, runs closed by namespace and
    status, tasks handed to workers, and by how many seconds each fired timer was late. `answers`:
    who was answered, first of each.
    """

    lane: str
    items: int
    seconds: float
    started: list[str]
    closed: list[tuple[str, str]]
    handed: list[Handed]
    late_seconds: list[float]
    answers: list[Any] = []


class Observer:
    """Is told what happened; this one keeps nothing."""

    def answered(self, operation: str, status: int, reason: str | None, seconds: float) -> None:
        """A request was answered; `operation` is its id or `none`, `reason` that of a refusal."""

    def carried_out(self, carried: Carried) -> None:
        """A batch was committed."""

    def rolled_back(self, error: BaseException) -> None:
        """A transaction came to nothing."""

    def passed(self, kind: str, seconds: float, late_seconds: float, rows: int) -> None:
        """A pass ran: how long, how long after its moment, how many rows it found."""

    def pass_failed(self, kind: str) -> None:
        """A pass ended in an error."""


class Several(Observer):
    """Tells others of batches; of everything else only the first."""

    def __init__(self, first: Observer, second: Observer) -> None:
        self._first, self._second = first, second
        self.rolled_back = first.rolled_back  # type: ignore[method-assign]

    def carried_out(self, carried: Carried) -> None:
        """Tell both."""
        self._first.carried_out(carried)
        self._second.carried_out(carried)


NOBODY = Observer()
