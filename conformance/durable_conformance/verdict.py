"""Verdicts, from best to worst, and what they mean for the exit status."""

from collections.abc import Iterable
from enum import Enum


class Verdict(Enum):
    """The outcome of a scenario, a profile or a whole run, ordered from best to worst."""

    PASS = "pass"
    UNSUPPORTED = "unsupported"
    SKIPPED = "skipped"
    FAIL = "fail"
    ERROR = "error"

    @property
    def exit_status(self) -> int:
        """0 when no promise was broken, 1 when one was, 2 when the suite could not tell."""
        return {Verdict.FAIL: 1, Verdict.ERROR: 2}.get(self, 0)


_ORDER = list(Verdict)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of the verdicts; `skipped` when there are none, for then nothing was checked."""
    return max(verdicts, key=_ORDER.index, default=Verdict.SKIPPED)


class Broken(Exception):
    """The target broke the promise: the text says what was expected and what came."""


class LeftOut(Exception):
    """The caller left out what the scenario needs, such as the credential of a role."""


class Undecided(Exception):
    """The suite cannot tell: its own fault, or the target could not be reached."""
