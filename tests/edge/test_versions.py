"""Version headers: which are accepted, which are missing, and that the contract says the same."""

import re

import pytest
from durable_contracts import bundle, versions
from durable_server.http import gates
from durable_server.refusal import Refusal

OPERATIONS = {operation.operation_id: operation for operation in bundle.operations()}


@pytest.mark.parametrize("header", [{}, {gates.CONTROL_HEADER: b"  "}])
def test_a_blank_header_is_a_missing_one(header: dict[bytes, bytes]) -> None:
    gates.check_version(OPERATIONS["namespaces.list"], header)

    with pytest.raises(Refusal) as caught:
        gates.check_version(OPERATIONS["workflows.list"], header)
    assert caught.value.reason == "missing_control_plane_version"


@pytest.mark.parametrize("name", OPERATIONS)
def test_only_workflows_and_their_histories_demand_the_control_plane_version(name: str) -> None:
    operation = OPERATIONS[name]
    workflows = operation.path.startswith(("/api/workflows", "/api/workflow-counts"))

    if operation.plane == "control":
        assert operation.version_rule == ("required" if workflows else "optional")


def test_the_contract_accepts_the_worker_versions_that_the_gate_accepts() -> None:
    parameters = OPERATIONS["workers.register"].parameters
    (rule,) = (each.schema for each in parameters if each.name == versions.WORKER_HEADER)

    for version in (f"{major}.{minor}" for major in range(3) for minor in range(40)):
        stated = re.fullmatch(rule["pattern"].strip("^$"), version) is not None
        assert stated == versions.accepts_worker(version), version
