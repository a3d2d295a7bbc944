"""What the proxy says itself when the server does not answer: in the envelope of the plane."""

import json
from typing import Any

from durable_contracts import manifests, versions

from durable_conformance.judging import routes

STATUS = 502
REASON = "upstream_unavailable"


def answer(method: str, path: str, asked: dict[str, str], told: str) -> tuple[Any, bytes]:
    """Headers and body of the answer in place of the server's."""
    match = routes.match(method, path)
    operation = match.operation
    plane = operation.plane if operation else routes.plane_of(path)
    body: dict[str, Any] = {
        "message": f"The server behind the proxy did not answer: {told}",
        "reason": REASON,
        "remediation": "Look whether the server that --upstream names is running.",
    }
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-cache, private")]
    if plane == "worker":
        version = versions.echoed_worker(asked.get(versions.WORKER_HEADER.lower()))
        stated = manifests.load("worker_protocol")["server_capabilities"]
        body = {"protocol_version": version, "server_capabilities": stated, **body}
        headers.append((versions.WORKER_HEADER.lower().encode(), version.encode()))
    if plane == "control":
        named = operation.control_operation if operation else None
        if named is not None:
            body = _nested(named, match.values, body)
        headers.append(
            (versions.CONTROL_HEADER.lower().encode(), versions.CONTROL_VERSION.encode())
        )
    content = json.dumps(body).encode()
    return [*headers, (b"content-length", str(len(content)).encode())], content


def _nested(named: str, ids: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
    stated = manifests.load("response_contract")
    own = stated["operations"][named]
    body = {**{name: ids[name] for name in ("workflow_id", "run_id") if name in ids}, **body}
    nested = {
        "schema": stated["schema"],
        "version": stated["version"],
        "operation": named,
        "workflow_id": None,
        "contract": {
            **stated["contract"],
            "required_fields": own["required_fields"],
            "success_fields": own["success_fields"],
        },
        **{name: body[name] for name in stated["projected_fields"] if name in body},
        **{name: body[name] for name in ("workflow_id",) if name in body},
    }
    if own["operation_name_field"] is not None:
        nested["operation_name"] = ids.get(own["operation_name_field"])
        nested["operation_name_field"] = own["operation_name_field"]
    return {**body, "control_plane": nested}
