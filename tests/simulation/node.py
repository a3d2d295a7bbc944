"""One simulated server process: the real server, its threads replaced by steps of the world."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from durable_server import app
from durable_server.clock import SECOND
from durable_server.config import Settings
from durable_server.http.compile import Router
from durable_server.http.edge import Answer, Edge, Request
from durable_server.maintenance.loop import PASSES, PassLoop
from durable_server.matching.channels import Channel
from durable_server.pending import Pending

from tests.simulation.database import Crash, FaultyStore
from tests.simulation.parts import DrivenLanes, DrivenReads, SteppedReads, SteppedTimers, WorldWakes

if TYPE_CHECKING:
    from tests.simulation.world import World

Action = tuple[str, Callable[[], Any]]
LEASE_SECONDS = 20
LEFT_OUT = {"workers", "query_tasks", "retention"}


@cache
def router() -> Router:
    """The plans of all operations, the same for every process."""
    return Router()


@cache
def settings() -> Settings:
    """What all processes are set to."""
    return Settings(
        database_url="sqlite:///simulated",
        maintenance=True,
        auth_driver="none",
        compression_enabled=False,
        server_id="simulated",
        workflow_task_timeout=LEASE_SECONDS,
        activity_task_timeout=LEASE_SECONDS,
        worker_poll_timeout=5,
    )


class Node:
    """A process that can be killed and started again; all it keeps is in the database."""

    def __init__(self, world: "World", number: int) -> None:
        self.world, self.name = world, f"node-{number}"
        self.life = 0
        self.alive = False
        self.passing = False
        self._passes = number < world.weather.passing
        # What is silent or old concerns no run here, and is looked for often.
        self._kinds = [
            kind for kind in PASSES if kind not in LEFT_OUT or world.chance.random() < 0.1
        ]

    def start(self) -> None:
        """Begin from the database alone."""
        world = self.world
        self.life += 1
        self.store = FaultyStore(world.path, world.clock, self.name, world.judge.committed)
        self.timers, self.reads = SteppedTimers(world.clock), SteppedReads(self.store)
        self.wakes = WorldWakes(self.name, world.weather.wakes_connected, self._send_wakes)
        chosen = settings().model_copy(update={"batch_max": world.weather.batch_max})
        parts = app.Parts(world.clock, self.store, self.reads, self.wakes, self.timers)
        self.server = app.assemble(chosen, parts)
        around = self.server.lanes.around
        around.pause = world.clock.advance
        deliver = around.deliver
        around.deliver = lambda messages: world.network.carry(deliver, messages)
        self.edge: Edge = app.build_edge(self.server, router())
        lanes = DrivenLanes(self.server.lanes, self._wait)
        reads = DrivenReads(self.reads, self._wait)
        passes = {kind: each for kind, each in PASSES.items() if kind in self._kinds}
        self.passes = PassLoop(replace(self.server, lanes=lanes, reads=reads), passes)
        for kind in self._kinds:
            self.server.agenda.note(kind, world.clock.now())
        # What a process finds of a database that is in order, without asking each time.
        self.server.database.settled = True
        self.alive, self.passing = True, False

    def die(self) -> None:
        """Everything in memory is gone."""
        self.alive = False
        self.life += 1
        self.store.die()

    def receive(self, request: Request, reply: Callable[[Answer], None]) -> None:
        """A request came in."""
        answer = self.edge.begin(request)
        if answer is not None:
            reply(answer)
            return
        life = self.life
        self.world.follow(
            f"{self.name} {request.route.path if request.route else ''}",
            self.edge.finish(request),
            lambda: self.life == life,
            reply,
        )

    def actions(self) -> list[Action]:
        """What this process could do next."""
        if not self.alive:
            return []
        found: list[Action] = []
        for lane in self.server.lanes.lanes:
            if len(lane):
                found.append((f"{self.name} lane", self._guarded(lane.step)))
        if self.reads.wanted:
            found.append((f"{self.name} read", self._guarded(self.reads.step)))
        now = self.world.clock.now()
        due = self.timers.next_due()
        if due is not None and due <= self.timers.now():
            found.append((f"{self.name} timers", self._guarded(self.timers.run_due)))
        earliest = self.server.agenda.earliest()
        if self._passes and not self.passing and earliest is not None and earliest <= now:
            found.append((f"{self.name} passes", self._guarded(self._pass)))
        return found

    def next_moments(self) -> list[int]:
        """When this process will have something to do by itself, passes last."""
        if not self.alive:
            return []
        due, noted = self.timers.next_due(), self.server.agenda.earliest()
        moments = [] if due is None else [int(due * SECOND) + 1]
        if self._passes and noted is not None:
            moments.append(noted)
        return moments

    def sweep(self, *kinds: str) -> None:
        """Run these passes once, now; all of them unless named."""
        if self.alive:
            for kind in kinds or self._kinds:
                self.server.agenda.note(kind, self.world.clock.now())
            self._guarded(self._pass)()

    def _pass(self) -> None:
        self.passing = True
        self.passes.run_due()
        self.passing = False

    def _guarded(self, action: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> None:
            life = self.life
            try:
                action()
            except Crash:
                # An inner step may have dealt with this death already.
                if self.life == life:
                    self.world.killed(self)

        return run

    def _wait(self, pending: Pending) -> None:
        """A pass waits: the rest of the world goes on."""
        life = self.life
        while not pending.done:
            self.world.turn()
            if self.life != life:
                raise Crash

    def _send_wakes(self, channels: set[Channel], runs: set[str]) -> None:
        for other in self.world.nodes:
            if other is not self:
                self.world.network.wake(other, channels, runs)
