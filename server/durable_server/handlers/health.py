"""Whether the server answers, and whether it can do its work."""

from typing import Any

from durable_server.call import Call, Reply
from durable_server.clock import to_second_text
from durable_server.store import namespaces as stored


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
        "migrations": _migrations(server.facts),
        "default_namespace": await _default_namespace(call),
        "cache": {"status": "ok", "store": server.facts.get("wakes", "process")},
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
    if not await _is_reached(call):
        return {"status": "unavailable", "message": "The database does not answer."}
    facts = call.server.facts
    return {"status": "ok", "capabilities": facts.get("database_capabilities", {})}


def _migrations(facts: dict[str, Any]) -> dict[str, Any]:
    pending = facts.get("unmigrated")
    if not pending:
        return {"status": "ok"}
    return {
        "status": "missing",
        "pending": list(pending),
        "remediation": "Run durable-server migrate --apply, then start the server again.",
    }


async def _default_namespace(call: Call) -> dict[str, Any]:
    name = call.server.settings.default_namespace.lower()
    try:
        found = await call.server.read(stored.find_namespace, name)
    except Exception:
        return {"status": "unavailable", "message": "The database does not answer."}
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
