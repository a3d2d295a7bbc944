"""Search attributes: list, create, delete."""

from typing import Any

from durable_server.call import Call, Reply
from durable_server.refusal import Refusal
from durable_server.store import search_attributes as stored
from durable_server.store.errors import StoreConflict
from durable_server.visibility.attributes import SYSTEM, shown_type


async def list(call: Call) -> Reply:
    """The system's attributes and those of the namespace, with their types."""
    custom = await call.server.read(stored.definitions, call.namespace)
    system = {name: shown_type(each) for name, each in SYSTEM.items()}
    return Reply(200, {"system_attributes": system, "custom_attributes": custom})


async def create(call: Call, body: dict[str, Any]) -> Reply:
    """Give a name a type."""
    name, kind = body["name"], body["type"]

    def job(tx: Any) -> None:
        stored.declare(tx, call.namespace, name, kind)

    try:
        await call.server.lanes.write(job)
    except StoreConflict:
        raise Refusal(
            "attribute_already_exists", name=name, type=kind, namespace=call.namespace
        ) from None
    return Reply(201, {"name": name, "type": kind, "outcome": "created"})


async def delete(call: Call, name: str) -> Reply:
    """Take a declaration away."""

    def job(tx: Any) -> None:
        stored.remove(tx, call.namespace, name)

    await call.server.lanes.write(job)
    return Reply(200, {"name": name, "outcome": "deleted"})
