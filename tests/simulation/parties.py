"""Simulated clients and workers: what they ask for is drawn from the seed."""

from typing import TYPE_CHECKING, Any

from tests.simulation.network import Lost

if TYPE_CHECKING:
    from tests.simulation.world import World

Body = dict[str, Any]
Command = dict[str, Any]
QUEUE = "orders"
TRIES_MAX = 4


class Party:
    """Somebody who sends requests; `ask` gives the answer or raises Lost."""

    def __init__(self, world: "World", name: str) -> None:
        self.world, self.name = world, name
        self.chance = world.chance
        self._requests = 0

    async def ask(
        self, method: str, path: str, body: Any = None, seconds: float = 0.0
    ) -> tuple[int, Any]:
        """One request."""
        answer: tuple[int, Any] = await self.world.network.ask(method, path, body, seconds)
        return answer

    async def insist(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """The same request again and again until it is answered, within a bound."""
        for _ in range(TRIES_MAX):
            try:
                status, answer = await self.ask(method, path, body)
            except Lost:
                continue
            if status not in (429, 503):
                return status, answer
            await self.world.sleep(1)
        raise Lost(path)

    def new_request_id(self) -> str:
        """An id for a request that may be sent more than once."""
        self._requests += 1
        return f"{self.name}-{self._requests}"

    def happens(self, probability: float) -> bool:
        """Whether something happens that does not in calm times."""
        return self.chance.random() < probability and not self.world.calm
