"""What this server speaks and can do: the discovery document."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from durable_contracts import manifests

from durable_server.call import Call, Reply
from durable_server.config import Settings
from durable_server.engine.limits import Limits
from durable_server.views.backend import structural_limits

_WORKER_CONTRACTS = (
    "external_execution_surface_contract",
    "external_executor_config_contract",
    "invocable_carrier_contract",
    "external_task_input_contract",
    "external_task_result_contract",
)


async def info(call: Call) -> Reply:
    """Versions, contracts, capabilities and limits."""
    settings = call.server.settings
    return Reply(
        200,
        {
            "server_id": call.server.server_id,
            "version": _version(),
            "default_namespace": settings.default_namespace,
            "supported_sdk_versions": manifests.load("supported_sdk_versions"),
            "capabilities": _capabilities(settings),
            "limits": _limits(settings),
            "structural_limits": _structural_limits(call.server.limits),
            "client_compatibility": manifests.load("client_compatibility"),
            "auth_composition_contract": manifests.load("auth_composition_contract"),
            "bridge_adapter_outcome_contract": manifests.load("bridge_adapter_outcome_contract"),
            "control_plane": _control_plane(),
            "worker_protocol": _worker_protocol(settings, call.advertised_version),
        },
    )


def _version() -> str:
    try:
        return version("durable-workflow-server")
    except PackageNotFoundError:
        return "2.0.0"


def _capabilities(settings: Settings) -> dict[str, Any]:
    stated = dict(manifests.load("capabilities"))
    if not settings.compression_enabled:
        stated["response_compression"] = []
    return stated


def _limits(settings: Settings) -> dict[str, int]:
    return {
        "max_payload_bytes": settings.max_payload_bytes,
        "max_memo_bytes": settings.max_memo_bytes,
        "max_search_attributes": settings.max_search_attributes,
        "max_search_attribute_key_length": 128,
        "max_search_attribute_value_bytes": 2048,
        "max_operation_name_length": 256,
        "max_pending_activities": settings.max_pending_activities,
        "max_pending_children": settings.max_pending_children,
    }


def _structural_limits(limits: Limits) -> dict[str, Any]:
    return {**manifests.load("structural_limits"), **structural_limits(limits)}


def _control_plane() -> dict[str, Any]:
    return {
        "version": "2",
        "header": "X-Durable-Workflow-Control-Plane-Version",
        "response_contract": manifests.load("response_contract"),
        "request_contract": manifests.load("request_contract"),
    }


def _worker_protocol(settings: Settings, advertised: str) -> dict[str, Any]:
    stated = dict(manifests.load("worker_protocol"))
    stated["version"] = advertised
    capabilities = dict(stated["server_capabilities"])
    capabilities["long_poll_timeout"] = settings.worker_poll_timeout
    capabilities["query_task_timeouts"] = {
        "control_plane_timeout_seconds": settings.query_seconds,
        "lease_seconds": settings.query_lease_seconds,
    }
    capabilities["history_page_size_default"] = settings.history_page_size_default
    capabilities["history_page_size_max"] = settings.history_page_size_max
    if not settings.compression_enabled:
        capabilities["response_compression"] = []
    stated["server_capabilities"] = capabilities
    for name in _WORKER_CONTRACTS:
        stated[name] = manifests.load(name)
    return stated
