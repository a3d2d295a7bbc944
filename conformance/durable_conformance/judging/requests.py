"""What a client's request breaks in the contract."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from durable_contracts.operations import Operation, Parameter
from durable_contracts.reading import pointer
from durable_contracts.versions import CONTROL_HEADER, WORKER_HEADER

from durable_conformance.judging import clauses, commands, documents, routes, schemas
from durable_conformance.judging.finding import CLIENT, Finding, shortened

_VERSION_PLANES = {CONTROL_HEADER.lower(): "control", WORKER_HEADER.lower(): "worker"}


@dataclass(frozen=True)
class Request:
    """A request as it was sent; names of headers are lower case, `body` is None when not kept."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes | None

    @property
    def is_preflight(self) -> bool:
        """Whether a browser only asks whether it may ask."""
        return self.method == "OPTIONS" and "access-control-request-method" in self.headers


def judge(request: Request) -> list[Finding]:
    """Everything in which a request breaks the contract; empty when it keeps it."""
    if request.is_preflight:
        return []
    match = routes.match(request.method, request.path)
    if match.operation is None:
        return [_astray(request, match)]
    return [
        *_of_path(match.operation, match.values),
        *_of_query(match.operation, request.query),
        *_of_headers(match.operation, request.headers),
        *_of_body(match.operation, request),
    ]


def _astray(request: Request, match: routes.Match) -> Finding:
    if match.methods:
        text = f"{request.method} is not offered; the contract has {', '.join(match.methods)}"
        return Finding(CLIENT, None, "wrong_method", "/method", text, clauses.WRONG_METHOD)
    text = f"the contract has no path {shortened(request.path)}"
    return Finding(CLIENT, None, "unknown_path", "/path", text, clauses.UNKNOWN_PATH)


def _of_path(operation: Operation, values: dict[str, str]) -> Iterator[Finding]:
    for parameter in operation.parameters:
        if parameter.location == "path":
            value = values.get(parameter.name, "")
            yield from _of_value(operation, parameter, value, "path_parameter")


def _of_query(operation: Operation, query: str) -> Iterator[Finding]:
    sent = dict(parse_qsl(query, keep_blank_values=True))
    for parameter in operation.parameters:
        if parameter.location != "query":
            continue
        text = sent.get(parameter.name, "")
        if text:
            yield from _of_value(operation, parameter, typed(parameter, text), "query_parameter")
        elif parameter.required:
            place = pointer("query", parameter.name)
            yield _finding(operation, "query_missing", place, "the parameter is required")


def _of_value(
    operation: Operation, parameter: Parameter, value: Any, rule: str
) -> Iterator[Finding]:
    name = (operation.operation_id, parameter.location, parameter.name)
    for _, text in schemas.flaws(schemas.of_parameter(*name), value):
        place = pointer(parameter.location, parameter.name)
        yield _finding(operation, rule, place, text)


def _of_headers(operation: Operation, headers: dict[str, str]) -> Iterator[Finding]:
    for parameter in operation.parameters:
        if parameter.location != "header":
            continue
        name = parameter.name.lower()
        plane = _VERSION_PLANES.get(name)
        clause = clauses.ASKED_VERSION[plane] if plane else clauses.FIELDS
        place = pointer("headers", name)
        value = headers.get(name, "").strip()
        if not value and parameter.required:
            text = f"the header {parameter.name} is required"
            yield _finding(operation, "header_missing", place, text, clause)
        elif name in headers:
            key = (operation.operation_id, "header", parameter.name)
            for _, text in schemas.flaws(schemas.of_parameter(*key), value):
                yield _finding(operation, "header_invalid", place, text, clause)


def _of_body(operation: Operation, request: Request) -> Iterator[Finding]:
    content = request.body
    if content is None:
        return
    if not content:
        if operation.body_required:
            text = "the operation takes a body, and none was sent"
            yield _finding(operation, "body_missing", "/body", text)
        return
    media_type = request.headers.get("content-type", "")
    if operation.request_schema is None:
        text = f"the operation takes no body, and {len(content)} bytes were sent"
        yield _finding(operation, "body_unexpected", "/body", text, clauses.NO_OBJECT)
    elif not documents.is_json(media_type):
        text = f"a body is sent as application/json, not as {media_type or 'nothing'}"
        place = pointer("headers", "content-type")
        yield _finding(operation, "content_type", place, text, clauses.NOT_SENT_AS_JSON)
    else:
        yield from _of_document(operation, content)


def _of_document(operation: Operation, content: bytes) -> Iterator[Finding]:
    try:
        body = documents.parsed(content)
    except documents.NoDocument as problem:
        yield _finding(operation, "no_json", "/body", str(problem), clauses.NOT_JSON)
        return
    if body == []:
        # Some clients say an empty object so; it gives no fields, like any body that is no object.
        body = {}
    if not isinstance(body, dict):
        text = f"a body is an object; this one is {type(body).__name__}"
        yield _finding(operation, "no_object", "/body", text, clauses.NO_OBJECT)
        return
    for place, text in schemas.flaws(schemas.of_request(operation.operation_id), body):
        member = str(place[0]) if len(place) == 1 else ""
        clause = clauses.of_member(operation, member)
        yield _finding(operation, "field", pointer("body", *place), text, clause)
    if operation.operation_id == "workflow_tasks.complete":
        for flaw in commands.flaws(body.get("commands")):
            place = ("body", "commands", *flaw.place)
            yield _finding(operation, flaw.rule, pointer(*place), flaw.message, flaw.clause)


def typed(parameter: Parameter, text: str) -> Any:
    """The text of a query parameter as the value that the contract speaks of."""
    kinds = parameter.schema.get("type", "string")
    numeric = "integer" in (kinds if isinstance(kinds, list) else [kinds])
    return int(text) if numeric and text.lstrip("-").isdecimal() and len(text) < 19 else text


def _finding(
    operation: Operation, rule: str, place: str, message: str, clause: str = clauses.FIELDS
) -> Finding:
    return Finding(CLIENT, operation.operation_id, rule, place, shortened(message), clause)
