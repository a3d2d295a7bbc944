"""A server in this process in which nothing happens unless somebody steps it.

Its lanes, readers, alarms and passes are carried out on the caller's thread, its ids are counted
and its clock is moved by hand: the same requests, sent again, have the same answers and leave the
same rows. Threads that meet each other are the matter of `test_together`.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from durable_server import app
from durable_server.clock import ManualClock
from durable_server.config import Settings
from durable_server.engine.run_state import Message
from durable_server.http.compile import Router
from durable_server.maintenance.loop import PassLoop
from durable_server.pending import Pending
from durable_server.server import Server
from durable_server.store.database import Connection, Store

from tests.model.asking import Asker
from tests.simulation.parts import DrivenLanes, DrivenReads, SteppedReads, SteppedTimers, WorldWakes
from tests.simulation.world import START, seeded_ids
from tests.support.databases import lent_database


class OwnStore(Store):
    """A store that knows its connections, so that a process that is gone leaves none open."""

    def __init__(self, url: str, clock: ManualClock) -> None:
        super().__init__(url, clock, "still", database_clock=False)
        self._connections: list[Connection] = []

    def connect(self) -> Connection:
        """A connection that ends with its process."""
        self._connections.append(super().connect())
        return self._connections[-1]

    def drivers(self) -> list[Any]:
        """The driver's connections that are open."""
        opened = [each._database for each in self._connections if each._database is not None]
        return [database.connection() for database in opened]

    def close(self) -> None:
        """The process is gone."""
        for connection in self._connections:
            connection.close()


class StillServer:
    """The server of one database; `restart` has another process go on from the database alone."""

    def __init__(self, chosen: Settings, router: Router) -> None:
        self.clock = ManualClock(START)
        self.loses_messages = False
        self._chosen, self._router = chosen, router
        self._begin()

    def restart(self) -> None:
        """The process ends with everything in memory, and another one begins."""
        self.close()
        self._begin()

    def close(self) -> None:
        """The process ends."""
        self._store.close()

    def _begin(self) -> None:
        self._store = store = OwnStore(self._chosen.database_url, self.clock)
        reads, timers = SteppedReads(store), SteppedTimers(self.clock)
        wakes = WorldWakes("still", False, lambda channels, runs: None)
        parts = app.Parts(self.clock, store, reads, wakes, timers)
        self.server: Server = app.assemble(self._chosen, parts)
        self._carry = self.server.lanes.around.deliver
        self.server.lanes.around.deliver = self._deliver
        self.server.passes = PassLoop(
            replace(
                self.server,
                lanes=DrivenLanes(self.server.lanes, self.until),
                reads=DrivenReads(reads, self.until),
            )
        )
        # What a process finds of a database that is in order.
        self.server.database.settled = True
        self.asker = StillAsker(self, self._router)

    def until(self, pending: Pending) -> None:
        """Step until it is answered."""
        while not pending.done:
            assert self._step(), "I59: nothing is left that could answer"

    @contextmanager
    def counting(self) -> Iterator[list[int]]:
        """How many instructions of its machine SQLite carries out meanwhile."""
        counted = [0]

        def count() -> None:
            counted[0] += 1

        drivers = self._store.drivers()
        for driver in drivers:
            driver.set_progress_handler(count, 1)
        yield counted
        for driver in drivers:
            driver.set_progress_handler(None, 1)

    def settle(self) -> None:
        """Step until nothing is left to be done at this moment, but for the passes."""
        while self._step():
            pass

    def _step(self) -> bool:
        lane = next((each for each in self.server.lanes.lanes if len(each)), None)
        due = self.server.reads.wanted
        if lane is not None:
            lane.step()
        elif due:
            self.server.reads.step()
        else:
            return bool(self._ring())
        return True

    def _ring(self) -> int:
        timers = self.server.matcher.timers
        due_at = timers.next_due()
        return 0 if due_at is None or due_at > timers.now() else int(timers.run_due())

    def _deliver(self, messages: list[Message]) -> None:
        if not self.loses_messages:
            self._carry(messages)


class StillAsker(Asker):
    """Steps the server until it answers, and until what followed from the answer is done."""

    def __init__(self, still: StillServer, router: Router) -> None:
        super().__init__(still.server, router)
        self._still = still

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and body of the answer."""
        answer = super().ask(method, path, body)
        self._still.settle()
        return answer

    def sweep(self) -> None:
        """Every pass runs once."""
        super().sweep()
        self._still.settle()

    def wait(self, pending: Pending) -> None:
        """Have the server go on until this is answered."""
        self._still.until(pending)


@contextmanager
def still_server(
    template: str, folder: Path, router: Router, **wanted: Any
) -> Iterator[StillServer]:
    """A server on what a bootstrapped database holds; the next one finds the same."""
    with lent_database(template, folder) as url:
        chosen = Settings(
            database_url=url,
            maintenance=False,
            auth_driver="none",
            compression_enabled=False,
            server_id="still",
            **wanted,
        )
        still = StillServer(chosen, router)
        with seeded_ids(random.Random(0), still.clock):
            yield still
            still.close()
