"""Requests, answers, wakes and messages between runs on their way: lost, late or doubled."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson
from durable_server.http.edge import Answer, Request
from durable_server.matching.channels import Channel
from durable_server.pending import Pending

if TYPE_CHECKING:
    from tests.simulation.node import Node
    from tests.simulation.world import World

CONTROL = {b"x-durable-workflow-control-plane-version": b"2"}
WORKER = {b"x-durable-workflow-protocol-version": b"1.20"}
SPARE_SECONDS = 3.0


class Lost(Exception):
    """No answer came; whether the request was carried out is not known."""


class Network:
    """Carries everything between the parties of a world."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._numbers = iter(range(1 << 62))

    def ask(self, method: str, path: str, body: Any = None, seconds: float = 0.0) -> Pending:
        """Send a request to some process; answered with (status, body) or Lost."""
        world, answer, lost = self._world, Pending(), []
        patience = seconds + SPARE_SECONDS

        def give_up() -> None:
            if answer.answer(error=Lost(path)) and world.chance.random() < 0.5:
                for callback in lost:
                    callback()

        world.later(patience, f"gives up {path}", give_up, lambda: not answer.done)
        for _ in range(2 if self._happens(world.weather.doubles) else 1):
            if not self._happens(world.weather.loss):
                node = world.chance.choice(world.nodes)
                request = self._request(method, path, body, lost)
                deliver = self._delivery(node, request, answer, lost)
                world.later(self._delay(), f"{node.name} gets {method} {path}", deliver)
        return answer

    def _request(self, method: str, path: str, body: Any, lost: list[Any]) -> Request:
        worker = path.startswith("/api/worker/")
        headers = dict(WORKER if worker else CONTROL)
        headers[b"content-type"] = b"application/json"
        headers[b"x-request-id"] = b"request-%d" % next(self._numbers)
        raw, _, query = path.partition("?")
        data = b"" if body is None else orjson.dumps(body)
        return Request(method, raw.encode(), query.encode(), headers, lost.append, data)

    def _delivery(
        self, node: "Node", request: Request, answer: Pending, lost: list[Any]
    ) -> Callable[[], None]:
        world = self._world

        def reply(given: Answer) -> None:
            if not self._happens(world.weather.loss):
                content = (given.status, orjson.loads(given.body) if given.body else None)
                path = request.raw_path.decode()
                assert given.status < 500 or given.status == 503, content
                label = f"answer {given.status} {path}"
                world.later(self._delay(), label, lambda: answer.answer(content))

        def deliver() -> None:
            if not node.alive:
                answer.answer(error=Lost("connection refused"))
                return
            life = node.life
            guarded: list[Any] = []
            request.lost = lambda callback: guarded.append(
                lambda: callback() if node.life == life else None
            )
            node.receive(request, reply)
            lost.append(lambda: [each() for each in guarded])

        return deliver

    def wake(self, node: "Node", channels: set[Channel], runs: set[str]) -> None:
        """Tell a process what has changed; nobody notices when that is lost."""
        if not self._happens(self._world.weather.wakes_lost):
            self._world.later(
                self._delay(), f"wake {node.name}", lambda: _hear(node, channels, runs)
            )

    def carry(self, deliver: Callable[[list[Any]], None], messages: list[Any]) -> None:
        """Messages between runs: lost ones are brought by a pass, others may come twice."""
        for message in messages:
            for _ in range(2 if self._happens(self._world.weather.doubles) else 1):
                if not self._happens(self._world.weather.loss):
                    deliver([message])

    def _happens(self, probability: float) -> bool:
        return self._world.chance.random() < probability and not self._world.calm

    def _delay(self) -> float:
        return self._world.chance.choice((0.0, 0.001, 0.01, 0.3))


def _hear(node: "Node", channels: set[Channel], runs: set[str]) -> None:
    if node.alive:
        node.wakes.hear(channels, runs)
