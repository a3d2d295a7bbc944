"""What each plane adds to every reply, refusals included."""

from functools import lru_cache
from typing import Any

import orjson
from durable_contracts import manifests, versions

from durable_server.config import Settings

_ALWAYS = (
    (b"access-control-allow-origin", b"*"),
    (b"cache-control", b"no-cache, private"),
)


def server_capabilities(settings: Settings) -> dict[str, Any]:
    """What this server can do for workers, with what the settings decide."""
    stated = dict(manifests.load("worker_protocol")["server_capabilities"])
    stated["long_poll_timeout"] = settings.worker_poll_timeout
    stated["query_task_timeouts"] = {
        "control_plane_timeout_seconds": settings.query_seconds,
        "lease_seconds": settings.query_lease_seconds,
    }
    stated["history_page_size_default"] = settings.history_page_size_default
    stated["history_page_size_max"] = settings.history_page_size_max
    if not settings.compression_enabled:
        stated["response_compression"] = []
    return stated


class Envelopes:
    """Wraps bodies; what is the same in every reply is made once."""

    def __init__(self, settings: Settings) -> None:
        self._capabilities = orjson.Fragment(orjson.dumps(server_capabilities(settings)))
        stated = manifests.load("response_contract")
        self._projected = stated["projected_fields"]
        self._heads: dict[str, dict[str, Any]] = {}
        for operation, own in stated["operations"].items():
            contract = {
                **stated["contract"],
                "required_fields": own["required_fields"],
                "success_fields": own["success_fields"],
            }
            self._heads[operation] = {
                "schema": stated["schema"],
                "version": stated["version"],
                "operation": operation,
                "workflow_id": None,
                "contract": orjson.Fragment(orjson.dumps(contract)),
            }
            if own["operation_name_field"] is not None:
                self._heads[operation]["operation_name"] = None
                self._heads[operation]["operation_name_field"] = own["operation_name_field"]

    def worker(self, body: dict[str, Any], version: str) -> dict[str, Any]:
        """A worker-plane body: which version it speaks, and what the server can do."""
        return {
            "protocol_version": version,
            "server_capabilities": self._capabilities,
            **body,
        }

    def control(self, body: dict[str, Any], operation: str, ids: dict[str, str]) -> dict[str, Any]:
        """A control-plane body with the nested object that clients verify."""
        whole = dict(body)
        for name in ("workflow_id", "run_id"):
            if name in ids:
                whole.setdefault(name, ids[name])
        nested = dict(self._heads[operation])
        nested["workflow_id"] = whole.get("workflow_id")
        if "operation_name_field" in nested:
            nested["operation_name"] = ids.get(nested["operation_name_field"])
        for name in self._projected:
            if name in whole:
                nested[name] = whole[name]
        whole["control_plane"] = nested
        return whole


@lru_cache(maxsize=256)
def headers_of(plane: str, version: str) -> tuple[tuple[bytes, bytes], ...]:
    """The headers that every reply of a plane carries."""
    if plane == "worker":
        own = [(versions.WORKER_HEADER, version)]
    elif plane == "control":
        own = [(versions.CONTROL_HEADER, versions.CONTROL_VERSION)]
    else:
        own = []
    return (*_ALWAYS, *((name.encode(), value.encode()) for name, value in own))
