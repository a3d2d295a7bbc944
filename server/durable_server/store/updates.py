"""Updates as the clients that wait for them ask."""

from typing import Any

from durable_server.engine.run_state import Update


def find_update(tx: Any, shard: int, update_id: str) -> Update | None:
    """An update as it stands."""
    found: list[Update] = tx.fetch("updates_by_id", [(shard, update_id)])
    return found[0] if found else None
