"""The payload storage of a namespace, tried out."""

import hashlib
from typing import Any

from durable_server.call import Call, Reply
from durable_server.ids import new_plain_id
from durable_server.refusal import Refusal

_PATTERN = bytes(range(251))


async def try_out(call: Call, body: dict[str, Any]) -> Reply:
    """Store a small and a large object, read them back, compare and remove them."""
    storage, namespace = call.server.payload_storage, call.namespace
    storage.changed(namespace)
    policy = (await storage.known(namespace)).policy
    driver = body.get("driver") or (policy["driver"] if policy else None)
    told = {"status": "failed", "namespace": namespace, "driver": driver}
    if policy is None:
        raise Refusal("external_storage_not_configured", **told)
    if not policy["enabled"]:
        raise Refusal("external_storage_disabled", **told)
    place = storage.place(policy)
    if driver != policy["driver"] or place is None:
        usable = [policy["driver"]] if place is not None else []
        raise Refusal("storage_driver_unavailable", **told, supported_diagnostic_drivers=usable)
    probes = {}
    for size in ("small", "large"):
        data = _data(int(body[f"{size}_payload_bytes"]))
        name = f"{size}-{new_plain_id()}"
        uri = await storage.try_out(policy, namespace, data, name)
        probes[f"{size}_payload"] = {
            "status": "passed",
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "reference_uri": uri,
        }
    return Reply(200, {"status": "passed", "namespace": namespace, "driver": driver, **probes})


def _data(size: int) -> bytes:
    return (_PATTERN * (size // len(_PATTERN) + 1))[:size]
