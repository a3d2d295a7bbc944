"""What the published document says of an answer."""

from typing import Any

import jsonschema_rs
from durable_contracts import bundle
from durable_contracts.bundle import Operation

from tests.http.asking import CONTROL, WORKER, Answer

OPERATIONS = {operation.operation_id: operation for operation in bundle.operations()}
CAPABILITIES = "supported_workflow_task_commands"


def broken(operation: Operation, answer: Answer) -> list[str]:
    """How an answer breaks what its operation promises; empty when it keeps it."""
    if answer.status not in operation.responses:
        return [f"{operation.operation_id} does not promise {answer.status}"]
    schema = operation.responses[answer.status]
    if schema is None:
        return []
    errors = jsonschema_rs.validator_for(schema).iter_errors(answer.body)
    return [f"{error.instance_path}: {error.message}"[:300] for error in errors]


def check_envelope(operation: Operation, answer: Answer, version: str = "1.20") -> None:
    """Every answer of a plane carries what the plane adds."""
    body, headers = answer.body, answer.headers
    assert headers["x-request-id"]
    if answer.status >= 400:
        assert isinstance(body["reason"], str)
        assert body.get("message") or body.get("error")
    if operation.plane == "worker":
        assert (headers[WORKER.lower()], body["protocol_version"]) == (version, version)
        assert CAPABILITIES in body["server_capabilities"]
        assert CONTROL.lower() not in headers
        return
    assert WORKER.lower() not in headers
    if operation.plane == "control":
        assert headers[CONTROL.lower()] == "2"
    _check_nested(operation, body)


def _check_nested(operation: Operation, body: dict[str, Any]) -> None:
    nested = body.get("control_plane")
    if operation.control_operation is None:
        assert nested is None or operation.operation_id == "cluster.info"
        return
    assert nested is not None
    assert nested["operation"] == operation.control_operation
    assert nested["schema"] == "durable-workflow.v2.control-plane-response"
    contract = nested["contract"]
    assert contract["legacy_field_policy"] == "reject_non_canonical"
    for name in contract["required_fields"]:
        assert isinstance(nested[name], str) and nested[name]
    for name in ("workflow_id", "run_id", "reason", "message"):
        if name in body:
            assert nested[name] == body[name]
