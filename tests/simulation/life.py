"""One seed from its beginning to its end: a rough time, then calm, in which all must end well."""

import logging
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from durable_server.clock import SECOND, ManualClock
from durable_server.refusal import Refusal
from durable_server.store import migrate
from durable_server.store.database import open_store

from tests.simulation.clients import Client
from tests.simulation.workers import Worker
from tests.simulation.world import World, seeded_ids

ROUGH_TURNS = 320
CALM_TURNS_MAX = 20_000
CALM_SECONDS = 700
IN_MEMORY = Path("/dev/shm")  # noqa: S108


class SeedFailed(AssertionError):
    """A seed broke a promise; the text tells how to see it again."""


@cache
def _migrated() -> Path:
    """A migrated database to copy for every seed."""
    folder = Path(mkdtemp(prefix="durable-simulation-", dir=_room()))
    path = folder / "migrated.sqlite"
    migrate.bootstrap(open_store(f"sqlite:///{path}", clock=ManualClock()))
    return path


def _room() -> str | None:
    return str(IN_MEMORY) if IN_MEMORY.is_dir() else None


@contextmanager
def world_of(seed: int, **weather: Any) -> Iterator[World]:
    """A world with a database of its own."""
    with TemporaryDirectory(prefix="durable-simulation-", dir=_room()) as folder:
        path = Path(folder) / "runs.sqlite"
        shutil.copyfile(_migrated(), path)
        world = World(seed, str(path), **weather)
        with seeded_ids(random.Random(seed), world.clock), listening(world):
            world.begin()
            try:
                yield world
            finally:
                world.end()


class Listener(logging.Handler):
    """Hears what the server logs as its own error; outages are the world's doing."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.ERROR)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        """An error that is not an outage is a finding."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, Exception) and not isinstance(error, Refusal):
            self._world.judge.found(error)


@contextmanager
def listening(world: World) -> Iterator[None]:
    """Take the server's log for the length of a life."""
    log, listener = logging.getLogger("durable_server"), Listener(world)
    log.addHandler(listener)
    log.propagate, before = False, log.propagate
    try:
        yield
    finally:
        log.propagate = before
        log.removeHandler(listener)


def live(seed: int) -> World:
    """Live a whole life; raises SeedFailed."""
    with world_of(seed) as world:
        try:
            _populate(world)
            for _ in range(ROUGH_TURNS):
                world.turn()
            _calm_down(world)
            world.judge.end()
        except Exception as broken:
            raise SeedFailed(_story(world, broken)) from broken
        return world


def _populate(world: World) -> None:
    chance = world.chance
    names = [f"order-{number}" for number in range(chance.randint(1, 4))]
    for number in range(chance.choice((1, 2))):
        client = Client(world, f"client-{number}", names)
        world.clients.append(client)
        client.begin()
    for number in range(chance.choice((1, 2))):
        Worker(world, f"worker-{number}").begin()


def _calm_down(world: World) -> None:
    """Nothing goes wrong any more: within leases, timeouts and passes every run ends (I58)."""
    world.calm_down()
    _sweep(world)
    ends = world.clock.now() + CALM_SECONDS * SECOND
    for _ in range(CALM_TURNS_MAX):
        world.turn()
        if not any(client.busy for client in world.clients) and world.judge.all_closed():
            return
        assert world.clock.now() < ends, f"I58: not ended: {world.judge.open_runs()}"
    raise AssertionError(f"I58: too many turns; not ended: {world.judge.open_runs()}")


def _sweep(world: World) -> None:
    """Every pass does what is due, and doing it once more changes nothing (I57)."""
    now = world.clock.now()
    alive = [node for node in world.nodes if node.alive]
    for node in alive:
        node.sweep()
    if alive:
        world.judge.after_passes(now)


def _story(world: World, broken: Exception) -> str:
    begun = world.trace[0][0] if world.trace else 0
    last = [f"  {(at - begun) / SECOND:9.3f}  {label}" for at, label in world.trace[-40:]]
    lines = [
        f"seed {world.seed}: {broken!r}",
        f"weather: {world.weather}",
        f"again: python -m tests.simulation {world.seed}",
        f"the last of {len(world.trace)} steps:",
        *last,
    ]
    return "\n".join(lines)
