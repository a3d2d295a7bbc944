"""Whether the server answers, and whether it can do its work."""

from typing import Any

from durable_server.call import Call, Reply
from durable_server.clock import to_second_text
from durable_server.store import namespaces as stored

_SILENT = "The database does not answer."


async def health(call: Call) -> Reply:
    """Whether the database answers."""
    reached = await _is_reached(call)
    body = {
        "status": "serving" if reached else "degraded",
        "timestamp": to_second_text(call.server.clock.now()),
        "checks": {"database": "ok" if reached else "unavailable"},
    }
    return Reply(200 if reached else 503, body)


async def ready(call: Call) -> Reply:
    """Whether database, migrations, default namespace, cache and authentication are in order."""
    server = call.server
    checks = {
        "database": await _database(call),
        "migrations": _migrations(server.database),
        "default_namespace": await _default_namespace(call),
        "cache": _wakes(server.wakes),
        "auth": _auth(call),
    }
    is_ready = all(check["status"] == "ok" for check in checks.values())
    body = {
        "status": "ready" if is_ready else "not_ready",
        "timestamp": to_second_text(server.clock.now()),
        "checks": checks,
    }
    return Reply(200 if is_ready else 503, body)


def _ping(tx: Any) -> bool:
    return True


async def _is_reached(call: Call) -> bool:
    try:
        return bool(await call.server.read(_ping))
    except Exception:
        # Whatever the driver raises, the answer to the question is no.
        return False


async def _database(call: Call) -> dict[str, Any]:
    dialect = call.server.store.kind
    if not await _is_reached(call):
        return {"status": "unavailable", "dialect": dialect, "message": _SILENT}
    return {"status": "ok", "dialect": dialect, "capabilities": call.server.database.capabilities}


def _migrations(database: Any) -> dict[str, Any]:
    if database.settled:
        return {"status": "ok"}
    if not database.missing:
        return {"status": "unavailable", "message": _SILENT}
    return {
        "status": "missing",
        "pending": list(database.missing),
        "remediation": "Run durable-server migrate --apply.",
    }


def _wakes(wakes: Any) -> dict[str, Any]:
    """Wakes that are cut off only delay: queues are then looked at more often."""
    check = {"status": "ok", "store": wakes.kind, "connected": wakes.connected}
    if not wakes.connected:
        check["message"] = "No wake-ups come in from other processes."
    return check


async def _default_namespace(call: Call) -> dict[str, Any]:
    name = call.server.settings.default_namespace.lower()
    try:
        found = await call.server.read(stored.find_namespace, name)
    except Exception:
        return {"status": "unavailable", "message": _SILENT}
    if found is not None:
        return {"status": "ok", "namespace": name}
    return {
        "status": "missing",
        "namespace": name,
        "remediation": "Run durable-server bootstrap.",
    }


def _auth(call: Call) -> dict[str, Any]:
    driver = call.server.facts["auth"]
    if driver.defect() is None:
        return {"status": "ok", "driver": driver.name}
    return {"status": "invalid", "driver": driver.name, "remediation": driver.defect()}
