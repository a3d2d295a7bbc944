"""Namespaces: list, create, describe, update, delete, and where their payloads are kept."""

from typing import Any

import orjson

from durable_server.call import Call, Reply
from durable_server.clock import monotonic_seconds, to_second_text
from durable_server.payload_storage.policy import policy_of
from durable_server.refusal import Refusal
from durable_server.store import namespace_purges as purges
from durable_server.store import namespaces as stored
from durable_server.store import payload_objects
from durable_server.store.errors import StoreConflict

# How long a deletion goes on within its request; what is left then, a pass removes.
PURGE_SECONDS_MAX = 20.0


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
        found = stored.find_namespace(tx, name)
        if found is not None and found.status == "deleting":
            raise Refusal("namespace_being_deleted", namespace=name)
        if found is not None:
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


async def delete(call: Call, name: str) -> Reply:
    """Remove a namespace and all that is in it; answers how much that was."""
    wanted, server = name.lower(), call.server
    if wanted == server.settings.default_namespace:
        raise Refusal("namespace_protected", namespace=wanted)

    def begin(tx: Any) -> Any:
        if (found := stored.find_namespace(tx, wanted)) is None:
            raise Refusal("namespace_not_found", namespace=wanted)
        purges.begin_purge(tx, wanted)
        return found

    found = await server.lanes.write(begin)
    server.known_namespaces.pop(wanted, None)
    ends_at, more = monotonic_seconds() + PURGE_SECONDS_MAX, True
    while more and monotonic_seconds() < ends_at:
        more = await server.lanes.write(lambda tx: purges.purge_batch(tx, wanted))
    purge = await server.read(purges.find_purge, wanted)
    shown = _shown(found._replace(status="deleting" if more else "deleted"))
    shown["deleted"] = dict(sorted(purge.deleted.items())) if purge else {}
    return Reply(202 if more else 200, shown)


async def update_external_storage(call: Call, body: dict[str, Any], name: str) -> Reply:
    """Replace the whole storage policy of a namespace."""
    wanted, storage = name.lower(), call.server.payload_storage
    policy = policy_of(body)

    def job(tx: Any) -> Any:
        if stored.find_namespace(tx, wanted) is None:
            raise Refusal("namespace_not_found", namespace=wanted)
        storage.check(policy)
        text, root = orjson.dumps(policy).decode(), storage.root_of(policy)
        if root is not None:
            payload_objects.know_root(tx, wanted, root, text)
        return stored.update_storage(tx, wanted, text)

    shown = _shown(await call.server.lanes.write(job))
    storage.changed(wanted)
    return Reply(200, shown)


def _shown(namespace: Any) -> dict[str, Any]:
    return {
        "name": namespace.name,
        "description": namespace.description,
        "retention_days": namespace.retention_days,
        "status": namespace.status,
        "external_payload_storage": _policy(namespace.external_payload_storage),
        "created_at": to_second_text(namespace.created_at),
        "updated_at": to_second_text(namespace.updated_at),
    }


def _policy(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)
