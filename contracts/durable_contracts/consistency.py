"""Rules between contract files that no single schema can say.

Each function yields what is wrong as one sentence that names the place.
"""

from collections.abc import Callable, Iterator
from typing import Any

from durable_contracts import links
from durable_contracts.examples import load_from as load_examples
from durable_contracts.locate import Tree
from durable_contracts.operations import Operation, operations_of
from durable_contracts.refusals import RefusalEntry
from durable_contracts.refusals import load_from as load_refusals


def violations(tree: Tree, derived: dict[str, Any]) -> Iterator[str]:
    """Everything that does not fit together."""
    operations = operations_of(derived["openapi-3.1.json"])
    for rule in _RULES:
        yield from rule(tree, operations, derived)


def _examples_belong(
    tree: Tree, operations: list[Operation], derived: dict[str, Any]
) -> Iterator[str]:
    known = {operation.operation_id: operation for operation in operations}
    judged: set[tuple[str, str, bool]] = set()
    for example in load_examples(tree):
        place = f"example {example.operation_id} {example.part} {example.name!r}"
        operation = known.get(example.operation_id)
        if operation is None:
            yield f"{place}: there is no such operation"
        elif example.part == "request" and operation.request_schema is None:
            yield f"{place}: the operation has no request body"
        elif example.part == "response" and example.status not in operation.responses:
            yield f"{place}: the operation does not answer {example.status}"
        judged.add((example.operation_id, example.part, example.valid))
    for operation in operations:
        if operation.request_schema is None:
            continue
        for valid in (True, False):
            if (operation.operation_id, "request", valid) not in judged:
                word = "valid" if valid else "invalid"
                yield f"{operation.operation_id} has no {word} example of its request"


def _statuses_have_reasons(
    tree: Tree, operations: list[Operation], derived: dict[str, Any]
) -> Iterator[str]:
    entries = load_refusals(tree)
    for operation in operations:
        for status in operation.responses:
            if status >= 400 and not _explains(entries, operation.plane, status):
                yield f"{operation.operation_id} answers {status}, for which there is no reason"
    promised = {(o.plane, status) for o in operations for status in o.responses}
    for reason, entry in entries.items():
        for plane in set(entry.planes) & {"control", "worker"}:
            status = entry.on(plane).status
            # A method that a path does not have belongs to no operation.
            if status != 405 and (plane, status) not in promised:
                yield f"the reason {reason} answers {status}, which no {plane} operation does"


def _explains(entries: dict[str, RefusalEntry], plane: str, status: int) -> bool:
    return any(plane in e.planes and e.on(plane).status == status for e in entries.values())


def _planes_speak_alike(
    tree: Tree, operations: list[Operation], derived: dict[str, Any]
) -> Iterator[str]:
    for operation in operations:
        name, worker = operation.operation_id, operation.path.startswith("/api/worker/")
        if worker != (operation.plane == "worker"):
            yield f"{name}: the worker plane is what lies below /api/worker"
        if worker and (operation.roles != {"worker"} or operation.version_rule != "required"):
            yield f"{name}: the worker plane is for workers that say their version"
        if operation.plane == "public" and operation.roles:
            yield f"{name}: a public operation needs no role"
        if operation.plane in ("control", "discovery") and not operation.roles:
            yield f"{name}: somebody must be allowed to call it"


def _control_operations_are_in_the_contract(
    tree: Tree, operations: list[Operation], derived: dict[str, Any]
) -> Iterator[str]:
    contract = derived["response_contract.json"]["operations"]
    for operation in operations:
        if operation.control_operation is None:
            continue
        stated = contract.get(operation.control_operation)
        name = f"{operation.operation_id} as {operation.control_operation}"
        if stated is None:
            yield f"{name}: the response contract has no such operation"
            continue
        for status, schema in operation.responses.items():
            promised = stated["success_fields"] if status < 300 and schema is not None else ()
            for field in sorted(set(promised) - set((schema or {}).get("properties", {}))):
                yield f"{name}: the reply {status} has no {field}, which the contract promises"


def _request_fields_exist(
    tree: Tree, operations: list[Operation], derived: dict[str, Any]
) -> Iterator[str]:
    by_name = {o.control_operation: o for o in operations if o.control_operation}
    for name, stated in derived["request_contract.json"]["operations"].items():
        operation = by_name.get(name)
        if operation is None:
            continue
        known = {parameter.name for parameter in operation.parameters}
        known |= set((operation.request_schema or {}).get("properties", {}))
        for field in stated["fields"]:
            if field not in known:
                yield f"the request contract of {name} names {field}, which no request has"
        for field in (*stated.get("unsupported_fields", ()), *stated.get("removed_fields", ())):
            rule = (operation.request_schema or {}).get("properties", {}).get(field, {})
            if rule.get("not") != {}:
                yield f"the request contract of {name} refuses {field}, which a request may have"


def _has_required_members(schema: dict[str, Any]) -> bool:
    target = str(schema.get("$ref", "")).rpartition("/")[2]
    said = schema.get("$defs", {}).get(target, {}) if target else schema
    return bool(said.get("required"))


def _bodies_are_required_where_members_are(
    tree: Tree, operations: list[Operation], derived: dict[str, Any]
) -> Iterator[str]:
    for operation in operations:
        needs = _has_required_members(operation.request_schema or {})
        if operation.body_required != needs:
            yield f"{operation.operation_id}: its body is required if one of its members is"


def _links_lead_somewhere(
    tree: Tree, operations: list[Operation], derived: dict[str, Any]
) -> Iterator[str]:
    yield from links.broken(derived["openapi-3.1.json"], operations)


_RULES: tuple[Callable[[Tree, list[Operation], dict[str, Any]], Iterator[str]], ...] = (
    _examples_belong,
    _statuses_have_reasons,
    _planes_speak_alike,
    _control_operations_are_in_the_contract,
    _request_fields_exist,
    _bodies_are_required_where_members_are,
    _links_lead_somewhere,
)
