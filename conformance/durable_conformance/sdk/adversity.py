"""What goes wrong on purpose: nothing that a network or a server may not do to a worker."""

import random
from enum import Enum


class Adversity(Enum):
    """One thing that goes wrong while a task is under way."""

    NONE = "nothing"
    PAGES = "its history comes in pages of one event"
    AGAIN = "its lease ends before its completion comes, and it is handed out again"
    LOST = "the answer to its completion is lost"
    CLOSED = "its run has been closed meanwhile; another run of the same kind follows"
    SLOW = "every answer takes a while"
    SKEW = "the server is newer: it speaks a later minor version, with members nobody knows"


SLOW_SECONDS = 0.7


# What is carried out once, and has no pages, can be delayed or its answer lost.
OF_ONE = (Adversity.NONE, Adversity.LOST, Adversity.SLOW, Adversity.SKEW)


def chosen(seed: int | None, case_id: str, turn: int, kind: str) -> Adversity:
    """What goes wrong with this turn of this case; the same for the same seed."""
    if seed is None:
        return Adversity.NONE
    choice = list(Adversity) if kind == "workflow" else OF_ONE
    # Reproducible, which is all that is wanted of it.
    return random.Random(f"{seed}/{case_id}/{turn}").choice(choice)
