"""Whether the links of replies lead to operations that exist, and carry values that are there."""

from collections.abc import Iterator
from typing import Any

from durable_contracts.operations import Operation
from durable_contracts.reading import tokens

_SOURCES = {"$response.body": "response", "$request.body": "request"}


def broken(document: dict[str, Any], operations: list[Operation]) -> Iterator[str]:
    """What is wrong with a link of a published document, a sentence each."""
    known = {operation.operation_id: operation for operation in operations}
    for source in operations:
        replies = document["paths"][source.path][source.method.lower()]["responses"]
        for status, reply in replies.items():
            for name, link in reply.get("links", {}).items():
                wrong = _of_link(_resolved(document, link), source, int(status), known)
                yield from (f"{source.operation_id} {status} {name}: {each}" for each in wrong)


def _resolved(document: dict[str, Any], link: dict[str, Any]) -> dict[str, Any]:
    name = link.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = document["components"]["links"][name] if name else link
    return found


def _of_link(
    link: dict[str, Any], source: Operation, status: int, known: dict[str, Operation]
) -> Iterator[str]:
    target = known.get(link.get("operationId", ""))
    if target is None:
        yield f"there is no operation {link.get('operationId')}"
        return
    parameters = {each.name for each in target.parameters}
    members = set((target.request_schema or {}).get("properties", {}))
    for part, names in (("parameters", parameters), ("requestBody", members)):
        for name, expression in link.get(part, {}).items():
            if name not in names:
                yield f"{target.operation_id} takes no {name}"
            if not _is_there(expression, source, status):
                yield f"{expression} is nowhere in {source.operation_id}"


def _is_there(expression: str, source: Operation, status: int) -> bool:
    origin, _, fragment = expression.partition("#")
    part = _SOURCES.get(origin)
    schema = source.request_schema if part == "request" else source.responses.get(status)
    if part is None or schema is None:
        return False
    return _has(schema, schema.get("$defs", {}), tuple(tokens(fragment)))


def _has(schema: dict[str, Any], shared: dict[str, Any], names: tuple[str, ...]) -> bool:
    if not names:
        return True
    if "$ref" in schema:
        return _has(shared[schema["$ref"].rpartition("/")[2]], shared, names)
    members = schema.get("properties", {})
    if names[0] in members and _has(members[names[0]], shared, names[1:]):
        return True
    choices = [each for word in ("anyOf", "oneOf", "allOf") for each in schema.get(word, ())]
    return any(_has(each, shared, names) for each in choices)
