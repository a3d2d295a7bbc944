"""What a server's answer breaks in the contract."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from durable_contracts import bundle, refusals
from durable_contracts.operations import Operation
from durable_contracts.reading import pointer
from durable_contracts.versions import CONTROL_HEADER, WORKER_HEADER, accepts_worker

from durable_conformance.judging import clauses, documents, histories, schemas
from durable_conformance.judging.finding import SERVER, Finding, shortened
from durable_conformance.judging.schemas import Validator

_JSON = "application/json"
_HEADER_CLAUSES = {
    CONTROL_HEADER.lower(): clauses.ECHOED_VERSION["control"],
    WORKER_HEADER.lower(): clauses.ECHOED_VERSION["worker"],
    "x-request-id": clauses.REQUEST_NAMED,
    "allow": clauses.WRONG_METHOD,
}


@dataclass(frozen=True)
class Answer:
    """An answer as it came; names of headers are lower case, `body` is None when not kept."""

    method: str
    status: int
    headers: dict[str, str]
    body: bytes | None
    asked: dict[str, str]


def judge(operation: Operation, answer: Answer) -> list[Finding]:
    """Everything in which an answer breaks the contract of its operation."""
    if answer.status not in operation.responses:
        text = f"the contract of {operation.operation_id} has no status {answer.status}"
        clause = clauses.of_operation(operation.operation_id)
        return [Finding(SERVER, operation.operation_id, "status", "/status", text, clause)]
    found = list(_of_headers(operation, answer))
    if answer.method != "HEAD" and answer.body is not None:
        found += _of_body(operation, answer)
    return found


def _of_headers(operation: Operation, answer: Answer) -> Iterator[Finding]:
    for name, validator in _promised(operation.operation_id, answer.status).items():
        if name not in answer.headers:
            text = f"the answer has no header {name}"
            yield _of_header(operation, answer, "header_missing", name, text)
            continue
        for _, text in schemas.flaws(validator, answer.headers[name]):
            yield _of_header(operation, answer, "header_invalid", name, text)
    if operation.plane == "worker":
        yield from _of_echo(operation, answer)


def _of_header(operation: Operation, answer: Answer, rule: str, name: str, text: str) -> Finding:
    clause = _HEADER_CLAUSES.get(name) or clauses.of_answer(operation, answer.status, "")
    return _finding(operation, rule, pointer("headers", name), text, clause)


def _of_echo(operation: Operation, answer: Answer) -> Iterator[Finding]:
    name = WORKER_HEADER.lower()
    asked, given = answer.asked.get(name, "").strip(), answer.headers.get(name)
    if accepts_worker(asked) and given is not None and given != asked:
        text = f"the worker speaks {asked}, the answer {given}"
        place = pointer("headers", name)
        yield _finding(operation, "version_echo", place, text, clauses.ECHOED_VERSION["worker"])


def _of_body(operation: Operation, answer: Answer) -> Iterator[Finding]:
    if operation.responses[answer.status] is None:
        return
    media_type = answer.headers.get("content-type", "")
    if media_type.partition(";")[0].strip().lower() != _JSON:
        place = pointer("headers", "content-type")
        text = f"the contract wants {_JSON}, the answer is {media_type or 'of no type'}"
        yield _finding(operation, "content_type", place, text, clauses.NOT_SENT_AS_JSON)
        return
    try:
        body = documents.parsed(answer.body or b"")
    except documents.NoDocument as problem:
        yield _finding(operation, "no_json", "/body", str(problem), clauses.NOT_JSON)
        return
    found = list(of_document(operation, answer.status, body))
    yield from found
    if not found:
        yield from _of_envelope(operation, answer, body)


def of_document(operation: Operation, status: int, body: Any) -> Iterator[Finding]:
    """In what the document of an answer breaks the contract, its histories included."""
    broken = False
    for place, text in schemas.flaws(schemas.of_answer(operation.operation_id, status), body):
        broken = True
        clause = clauses.of_answer(operation, status, str(place[0]) if place else "")
        yield _finding(operation, "field", pointer("body", *place), text, clause)
    if broken or not isinstance(body, dict):
        return
    # Events of schedules have their own types, which the schema of the answer judges whole.
    if operation.operation_id != "schedules.history":
        for place, rule, text in histories.flaws(body):
            whole = pointer("body", *place)
            yield _finding(operation, rule, whole, text, clauses.EVENTS_IN_ORDER)
    yield from _of_reason(operation, status, body.get("reason"))


def _of_reason(operation: Operation, status: int, reason: Any) -> Iterator[Finding]:
    known = _statuses().get((operation.plane, reason)) if isinstance(reason, str) else None
    # Bridge adapters answer outcomes, each with a status of its own.
    if operation.operation_id.startswith("bridge_adapters."):
        return
    if status >= 400 and known is not None and status not in known:
        listed = ", ".join(str(each) for each in sorted(known))
        text = f"{reason} is refused with {listed}, not with {status}"
        clause = clauses.of_answer(operation, status, "")
        yield _finding(operation, "reason", "/body/reason", text, clause)


def _of_envelope(operation: Operation, answer: Answer, body: Any) -> Iterator[Finding]:
    if not isinstance(body, dict):
        return
    given = answer.headers.get(WORKER_HEADER.lower())
    if operation.plane == "worker" and body.get("protocol_version") != given:
        text = f"the body speaks {body.get('protocol_version')}, the header {given}"
        clause = clauses.ECHOED_VERSION["worker"]
        yield _finding(operation, "version_echo", "/body/protocol_version", text, clause)
    nested = body.get("control_plane")
    if operation.control_operation is None or not isinstance(nested, dict):
        return
    told = nested.get("operation")
    if told != operation.control_operation:
        text = f"the operation is {operation.control_operation}, not {told}"
        yield _finding(operation, "envelope", "/body/control_plane/operation", text, "CP-24")
    for name in ("workflow_id", "run_id", "outcome", "reason"):
        if name in body and name in nested and body[name] != nested[name]:
            text = f"{name} is {body[name]!r} outside and {nested[name]!r} inside"
            place = pointer("body", "control_plane", name)
            yield _finding(operation, "envelope", place, text, "CP-24")


@cache
def _promised(operation_id: str, status: int) -> dict[str, Validator]:
    """The headers that the contract promises with an answer, by their names in lower case."""
    document = bundle.published()
    for item in document["paths"].values():
        for stated in item.values():
            if isinstance(stated, dict) and stated.get("operationId") == operation_id:
                headers = _named(document, stated["responses"][str(status)]).get("headers", {})
                return {
                    name.lower(): Validator(_named(document, header)["schema"])
                    for name, header in headers.items()
                }
    return {}


def _named(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        section, name = node["$ref"].split("/")[-2:]
        node = document["components"][section][name]
    return node


@cache
def _statuses() -> dict[tuple[str, str], frozenset[int]]:
    """The statuses of each reason on each plane; reasons that the catalogue lacks may be new."""
    found: dict[tuple[str, str], set[int]] = {}
    for entry in refusals.load().values():
        for plane in entry.planes:
            own = entry.on(plane)
            found.setdefault((plane, own.sent_reason), set()).add(own.status)
    return {key: frozenset(statuses) for key, statuses in found.items()}


def _finding(operation: Operation, rule: str, place: str, message: str, clause: str) -> Finding:
    return Finding(SERVER, operation.operation_id, rule, place, shortened(message), clause)
