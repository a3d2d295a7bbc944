"""A world of server processes, clients and workers in which one seed decides everything.

Theory of operation. Everything that could happen next is a labelled action: a lane carries out a
batch, a reader asks a query, alarms ring, passes run, a message arrives, a request or a party goes
on. The world picks one, carries it out to its end, and looks again; when nothing can happen, or now
and then all the same, time moves to the next moment at which something can. A transaction is one
action, so that SQLite's one writer at a time holds by itself; a process may be killed at any of its
statements and then starts again from the database alone.
"""

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from durable_server import ids
from durable_server.clock import SECOND, ManualClock
from durable_server.pending import Pending

from tests.simulation.judge import Judge
from tests.simulation.network import Network
from tests.simulation.node import Action, Node
from tests.simulation.workers import DIALECTS

START = 1_777_000_000 * SECOND


@dataclass(frozen=True)
class Weather:
    """How rough the world is: how many processes, how many of them run passes; then each number
    is the probability of one thing.
    """

    nodes: int = 1
    passing: int = 1
    wakes_connected: bool = False
    wakes_lost: float = 0.0
    loss: float = 0.0
    doubles: float = 0.0
    kills: float = 0.0
    errors: float = 0.0
    jumps: float = 0.0
    batch_max: int = 128


def weather_of(chance: random.Random) -> Weather:
    """A weather for a seed."""
    nodes = chance.choice((1, 1, 2, 3))
    return Weather(
        nodes=nodes,
        passing=chance.randint(1, min(nodes, 2)),
        wakes_connected=chance.random() < 0.5,
        wakes_lost=chance.choice((0.0, 0.3, 1.0)),
        loss=chance.choice((0.0, 0.05, 0.15)),
        doubles=chance.choice((0.0, 0.1)),
        kills=chance.choice((0.0, 0.003, 0.01)),
        errors=chance.choice((0.0, 0.01)),
        jumps=chance.choice((0.0, 0.005)),
        batch_max=chance.choice((1, 3, 128)),
    )


class World:
    """Processes, parties, a clock and a seed."""

    def __init__(self, seed: int, path: str, weather: Weather | None = None) -> None:
        self.seed, self.path = seed, path
        self.chance = random.Random(seed)
        self.clock = ManualClock(START)
        self.weather = weather or weather_of(self.chance)
        self.calm = False
        self.dialect = self.chance.choice(DIALECTS)
        self.clients: list[Any] = []
        self.refusals: Counter[str] = Counter()
        self.trace: list[tuple[int, str]] = []
        self.network = Network(self)
        self.judge = Judge(path)
        self.nodes = [Node(self, number) for number in range(self.weather.nodes)]
        self._ready: list[Action] = []
        self._following: dict[Coroutine[Any, Any, Any], None] = {}
        self._later: list[tuple[int, int, str, Callable[[], Any], Callable[[], bool]]] = []
        self._numbers = itertools.count()

    def begin(self) -> None:
        """Start every process."""
        for node in self.nodes:
            node.start()

    def calm_down(self) -> None:
        """From now on nothing is lost, doubled or killed, and everybody wants to come to an end."""
        self.calm = True
        for node in self.nodes:
            if node.alive:
                node.store.faults.kind = ""

    def end(self) -> None:
        """Give up what is open."""
        for coroutine in list(self._following):
            coroutine.close()
        for node in self.nodes:
            if node.alive:
                node.die()
        self.judge.close()

    def refused(self, what: str) -> None:
        """A worker's completion was refused for what it says; counted, to be looked at."""
        self.refusals[what] += 1

    def soon(self, label: str, action: Callable[[], Any]) -> None:
        """This can happen from now on."""
        self._ready.append((label, action))

    def later(
        self,
        seconds: float,
        label: str,
        action: Callable[[], Any],
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """This can happen once so much time has passed, if it is still wanted then."""
        at = self.clock.now() + round(seconds * SECOND)
        heapq.heappush(self._later, (at, next(self._numbers), label, action, wanted))

    def sleep(self, seconds: float) -> Pending:
        """What a party awaits to let time pass."""
        over = Pending()
        self.later(seconds, "slept", over.answer)
        return over

    def follow(
        self,
        label: str,
        coroutine: Coroutine[Any, Any, Any],
        alive: Callable[[], bool] = lambda: True,
        done: Callable[[Any], None] = lambda value: None,
    ) -> None:
        """Let a coroutine go on whenever what it awaits is there."""

        self._following[coroutine] = None

        def resume() -> None:
            if not alive():
                del self._following[coroutine]
                coroutine.close()
                return
            try:
                waited: Pending = coroutine.send(None)
            except StopIteration as stop:
                del self._following[coroutine]
                done(stop.value)
                return
            waited.on_answer(lambda: self.soon(label, resume))

        self.soon(label, resume)

    def turn(self) -> None:
        """One thing happens."""
        self._misfortune()
        while self._later and self._later[0][0] <= self.clock.now():
            _, _, label, action, wanted = heapq.heappop(self._later)
            if wanted():
                self._ready.append((label, action))
        actions = list(self._ready)
        for node in self.nodes:
            actions.extend(node.actions())
        if not actions or self.chance.random() < 0.01:
            self._move_time()
            return
        chosen = self.chance.randrange(len(actions))
        label, action = actions[chosen]
        if chosen < len(self._ready):
            del self._ready[chosen]
        self._carry_out(label, action)

    def _carry_out(self, label: str, action: Callable[[], Any]) -> None:
        self.trace.append((self.clock.now(), label))
        try:
            action()
        except Exception as broken:
            # Kept as well, since a pass within whose wait this happened would only log it.
            self.judge.found(broken)
        self.judge.verdict()

    def drain(self, *, lanes: bool) -> None:
        """Everything happens that can happen now, in order; perhaps not what waits for a lane."""
        while True:
            actions = [*self._ready]
            for node in self.nodes:
                actions += [each for each in node.actions() if _is_plain(each[0], lanes)]
            if not actions:
                return
            if self._ready:
                del self._ready[0]
            self._carry_out(*actions[0])

    def killed(self, node: Node) -> None:
        """A process is gone; another one takes its place after a while."""
        node.die()
        self.trace.append((self.clock.now(), f"{node.name} is killed"))
        self.judge.look_everywhere()
        pause = 0.1 if self.calm else self.chance.choice((0.01, 0.5, 10.0))
        self.later(pause, f"{node.name} starts", node.start)

    def _misfortune(self) -> None:
        if self.calm:
            return
        weather, chance = self.weather, self.chance
        if weather.kills and chance.random() < weather.kills:
            kind = chance.choice(("kill-before", "kill-after"))
            self._plan(kind)
        if weather.errors and chance.random() < weather.errors:
            self._plan(chance.choice(("busy", "lost")))
        if weather.jumps and chance.random() < weather.jumps:
            seconds = chance.choice((1, 30, 600))
            self.trace.append((self.clock.now(), f"the clock jumps {seconds} s"))
            self.clock.advance(seconds)

    def _plan(self, kind: str) -> None:
        node = self.chance.choice(self.nodes)
        if node.alive:
            statements = self.chance.randrange(20)
            self.trace.append((self.clock.now(), f"{kind} {node.name} +{statements}"))
            node.store.faults.plan(kind, statements)

    def _move_time(self) -> None:
        """To the next moment at which something can happen; passes may be late."""
        now = self.clock.now()
        due = [node.next_moments() for node in self.nodes]
        moments = [each for found in due for each in found]
        if self.chance.random() < 0.6:
            moments = [each for found in due for each in found[:1]]
        if self._later:
            moments.append(self._later[0][0])
        ahead = [each for each in moments if each > now]
        if ahead:
            self.clock.advance((min(ahead) - now) / SECOND)


def _is_plain(label: str, lanes: bool) -> bool:
    """Whether an action follows from what was asked, rather than from time."""
    return not label.endswith("passes") and (lanes or not label.endswith("lane"))


@contextmanager
def seeded_ids(chance: random.Random, clock: ManualClock) -> Iterator[None]:
    """Ids that only the seed and the clock decide, in the order in which they were made."""
    numbers = itertools.count()

    def made() -> str:
        millis, number = clock.now() // 1000, next(numbers)
        high, low = divmod(number, 1 << 12)
        time = f"{millis >> 16:08x}-{millis & 0xFFFF:04x}"
        return f"{time}-7{high & 0xFFF:03x}-8{low:03x}-{chance.getrandbits(48):012x}"

    with mock.patch.object(ids, "uuid7", made):
        yield
