"""Which namespaces surely exist, so that the gate need not ask the store for every request."""

from durable_server.clock import SECOND
from durable_server.server import Server
from durable_server.store.namespaces import is_active

KNOWN_SECONDS = 5
_KNOWN_MAX = 10_000


class KnownNamespaces:
    """Remembers for a short while what was found; what was not found is asked for again."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._until = server.known_namespaces

    def surely_exists(self, name: str) -> bool:
        """Whether a namespace of this name was found a short while ago."""
        return self._until.get(name, 0) > self._server.clock.now()

    async def exists(self, name: str) -> bool:
        """Whether the store knows a namespace of this name."""
        now = self._server.clock.now()
        if not await self._server.read(is_active, name):
            return False
        if len(self._until) >= _KNOWN_MAX:
            self._until.clear()
        self._until[name] = now + KNOWN_SECONDS * SECOND
        return True
