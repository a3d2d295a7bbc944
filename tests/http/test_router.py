"""Short ways through the router lead where the long way leads."""

import pytest
from durable_contracts import bundle
from durable_contracts.bundle import Operation
from durable_server.http.compile import Router

ROUTER = Router()
IDS = ("order-1", "a%2Fb", "%E6%BC%A2", "%FF", "%00", "", ".", "..", "runs", "poll", "a\xffb")


def paths(operation: Operation) -> list[bytes]:
    """The operation's path with every odd id, and with a slash more."""
    found = []
    for text in IDS:
        path = operation.path
        for parameter in operation.parameters:
            path = path.replace("{" + parameter.name + "}", text)
        found += [path.encode("latin-1"), path.encode("latin-1") + b"/"]
    return found


@pytest.mark.parametrize("operation", bundle.operations(), ids=lambda o: o.operation_id)
def test_every_way_through_the_router_leads_to_the_same_route(operation: Operation) -> None:
    for path in paths(operation):
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"):
            assert ROUTER.find(method, path) == ROUTER._find(method, path), (method, path)


@pytest.mark.parametrize("operation", bundle.operations(), ids=lambda o: o.operation_id)
def test_an_operation_is_found_with_its_ids_decoded_once(operation: Operation) -> None:
    path = operation.path
    for parameter in operation.parameters:
        path = path.replace("{" + parameter.name + "}", "a%252Fb")
    found = ROUTER.find(operation.method, path.encode())

    assert found.plan is not None
    assert found.plan.operation is operation
    assert set(found.ids.values()) <= {"a%2Fb"}
