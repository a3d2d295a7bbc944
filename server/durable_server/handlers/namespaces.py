"""Namespaces: list, create, describe, update."""

from typing import Any

from durable_server.call import Call, Reply
from durable_server.clock import to_second_text
from durable_server.refusal import Refusal
from durable_server.store import namespaces as stored
from durable_server.store.errors import StoreConflict


async def list(call: Call) -> Reply:
    """Every namespace."""
    found = await call.server.read(stored.list_namespaces)
    return Reply(200, {"namespaces": [_shown(each) for each in found]})


async def create(call: Call, body: dict[str, Any]) -> Reply:
    """A new namespace; names are kept in lower case."""
    name = body["name"].lower()
    days = body.get("retention_days")
    default = call.server.settings.history_retention_days
    retention_days = default if days in (None, "") else int(days)

    def job(tx: Any) -> Any:
        if stored.find_namespace(tx, name) is not None:
            raise Refusal("namespace_already_exists", namespace=name)
        return stored.insert_namespace(tx, name, body.get("description"), retention_days)

    try:
        created = await call.server.lanes.write(job)
    except StoreConflict:
        raise Refusal("namespace_already_exists", namespace=name) from None
    shown = _shown(created)
    del shown["updated_at"]
    return Reply(201, shown)


async def describe(call: Call, name: str) -> Reply:
    """One namespace."""
    found = await call.server.read(stored.find_namespace, name.lower())
    if found is None:
        raise Refusal("namespace_not_found", namespace=name.lower())
    return Reply(200, _shown(found))


async def update(call: Call, body: dict[str, Any], name: str) -> Reply:
    """Change description and retention; what is absent or null stays."""
    wanted = name.lower()

    def job(tx: Any) -> Any:
        found = stored.find_namespace(tx, wanted)
        if found is None:
            raise Refusal("namespace_not_found", namespace=wanted)
        description, days = body.get("description"), body.get("retention_days")
        return stored.update_namespace(
            tx,
            wanted,
            found.description if description is None else description,
            found.retention_days if days in (None, "") else int(days),
        )

    shown = _shown(await call.server.lanes.write(job))
    del shown["created_at"]
    return Reply(200, shown)


def _shown(namespace: Any) -> dict[str, Any]:
    return {
        "name": namespace.name,
        "description": namespace.description,
        "retention_days": namespace.retention_days,
        "status": namespace.status,
        "external_payload_storage": None,
        "created_at": to_second_text(namespace.created_at),
        "updated_at": to_second_text(namespace.updated_at),
    }
