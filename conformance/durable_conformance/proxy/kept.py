"""Copies of bodies that are passed on, within a budget that all exchanges share."""

from dataclasses import dataclass, field


@dataclass
class Budget:
    """How many bytes may be kept at a time: of one body, and of all together."""

    each: int
    all: int
    taken: int = 0

    def take(self, size: int) -> bool:
        """Whether this many bytes more may be kept."""
        if self.taken + size > self.all:
            return False
        self.taken += size
        return True

    def give_back(self, size: int) -> None:
        """Say that this many bytes are kept no more."""
        self.taken -= size


@dataclass
class Kept:
    """The copy of one body; there is none once it grew too large."""

    budget: Budget
    size: int = 0
    whole: bool = True
    _chunks: list[bytes] = field(default_factory=list)

    def add(self, chunk: bytes) -> None:
        """Keep one more piece, or give up the copy."""
        if not self.whole:
            return
        if self.size + len(chunk) > self.budget.each or not self.budget.take(len(chunk)):
            self.drop()
            self.whole = False
            return
        self.size += len(chunk)
        self._chunks.append(chunk)

    @property
    def content(self) -> bytes | None:
        """The whole body, or None when it was too large to keep."""
        if not self.whole:
            return None
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)

    def drop(self) -> None:
        """Give the bytes back."""
        self.budget.give_back(self.size)
        self.size = 0
        self._chunks = []
