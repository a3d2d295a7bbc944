"""Which namespaces surely exist, so that the gate need not ask the store for every request."""

from durable_server.clock import monotonic_seconds
from durable_server.server import Server

KNOWN_SECONDS = 5.0
_KNOWN_MAX = 10_000


class KnownNamespaces:
    """Remembers for a short while what was found; what was not found is asked for again."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._until: dict[str, float] = {}

    async def exists(self, name: str) -> bool:
        """Whether a namespace of this name exists."""
        now = monotonic_seconds()
        if self._until.get(name, 0.0) > now:
            return True
        from durable_server.store.namespaces import find_namespace

        if await self._server.read(find_namespace, name) is None:
            return False
        if len(self._until) >= _KNOWN_MAX:
            self._until.clear()
        self._until[name] = now + KNOWN_SECONDS
        return True
