"""How soon a server is ready, and how much memory it holds when nothing happens."""

import time
from typing import NamedTuple

from bench.processes import database, server

RUNS = 3
SETTLE_SECONDS = 1.0


class Start(NamedTuple):
    """The best of a few starts."""

    ready_seconds: float
    resident_megabytes: float


def measure() -> Start:
    """Start on a database that has been set up before, as after a restart."""
    found = []
    with database("sqlite") as url:
        with server(url):
            pass
        for _ in range(RUNS):
            with server(url) as measured:
                time.sleep(SETTLE_SECONDS)
                found.append(Start(measured.ready_seconds, measured.resident_megabytes()))
    return min(found)
