"""From a server's refusal to a Problem: text, reason, remedy, offending fields, exit status."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from durable_cli.problem import AUTH, COMPATIBILITY, NOT_FOUND, SERVER, Problem, code_of

Body = dict[str, Any]
# The catalogue speaks of requests; whoever reads it here has commands.
AS_COMMANDS = {
    "GET /api/workflows/{workflow_id}/runs/{run_id}/history": "dw history show {workflow_id}",
    "GET /api/workflows/{workflow_id}/runs": "dw workflow runs {workflow_id}",
    "POST /api/task-queues/{task_queue}/build-ids/resume": "dw task-queue resume {task_queue}",
    "PUT /api/namespaces/{namespace}/external-storage": "dw namespace set-storage-driver",
    "PUT /api/namespaces/{namespace}": "dw namespace update {namespace}",
    "DELETE /api/namespaces/{namespace} answers 404": "dw namespace describe finds it no longer",
    "PUT /api/schedules/{schedule_id}": "dw schedule update {schedule_id}",
    "GET /api/search-attributes, or declare it there with POST": (
        "dw search-attribute list, or declare it with dw search-attribute create"
    ),
    "GET /api/search-attributes": "dw search-attribute list",
    "GET /api/bulk-operations": "dw bulk list",
    "GET /api/schedules": "dw schedule list",
    "GET /api/workers": "dw worker list",
    "POST /api/namespaces": "dw namespace create",
    "POST /api/storage/test": "dw namespace test-storage",
    "GET /api/ready": "dw doctor",
    "in the X-Namespace header": "with --namespace",
    "Compare the workflow id and the namespace.": (
        "Compare the id with those of dw workflow list; it may be in another --namespace."
    ),
    "Correct the fields that errors names.": (
        "Correct what is named above; --help lists the options."
    ),
}


def problem_of(status: int, body: Body | None, headers: Mapping[str, str]) -> Problem:
    """The problem that a refusal states; one without a JSON object comes from somebody else."""
    if body is None:
        return _of_a_stranger(status)
    reason = _text(body.get("reason"))
    stated = _text(body.get("message")) or _text(body.get("error"))
    code = code_of(status, reason)
    if status == 404 and reason is None:
        code = COMPATIBILITY
    return Problem(
        message=stated or f"The server refused the request with status {status}.",
        code=code,
        remedy=_text(body.get("remediation"))
        # Where no credential fits, the options that carry one help more than the catalogue.
        or (_hint(AUTH) if status == 401 else _remedy(reason, body))
        or _hint(code),
        reason=reason,
        status=status,
        request_id=headers.get("x-request-id"),
        fields=_fields(body),
        body={name: value for name, value in body.items() if name != "control_plane"},
    )


def _of_a_stranger(status: int) -> Problem:
    if status >= 500:
        return Problem(
            f"The server, or something in front of it, failed with status {status}.",
            SERVER,
            remedy="Ask again a little later; `dw server health` says whether it serves.",
            status=status,
        )
    return Problem(
        f"What answered with status {status} is no durable workflow server.",
        code_of(status, None) if status in (401, 403) else COMPATIBILITY,
        remedy="Compare the address with that of the server: dw doctor.",
        status=status,
    )


def _fields(body: Body) -> list[tuple[str, str]]:
    """The offending fields, each with its JSON pointer and its text, in the server's order."""
    violations = body.get("violations")
    if isinstance(violations, list):
        return [(str(each["pointer"]), str(each["message"])) for each in violations]
    errors = body.get("validation_errors")
    if not isinstance(errors, dict):
        return []
    found = []
    for name, texts in errors.items():
        pointer = "/" + str(name).replace(".", "/")
        listed = texts if isinstance(texts, list) else [texts]
        found += [(pointer, str(text)) for text in listed]
    return found


def _hint(code: int) -> str | None:
    return {
        AUTH: "Give the credential of this server: --token, --signature-key or a profile.",
        NOT_FOUND: "Compare the name and the namespace (--namespace) with what the lists show.",
    }.get(code)


def _remedy(reason: str | None, body: Body) -> str | None:
    """The remedy that the contract's catalogue gives for a reason, its facts filled in."""
    stated = _catalogue().get(reason or "")
    if stated is None:
        return None
    try:
        return " ".join(stated.format(**body).split())
    except (KeyError, IndexError, ValueError):
        # The remedy speaks of a fact that this refusal does not tell.
        return None


@cache
def _catalogue() -> Mapping[str, str]:
    from durable_contracts import refusals

    found = {name: each.on("control").remedy for name, each in refusals.load().items()}
    return {name: _as_commands(remedy) for name, remedy in found.items() if remedy}


def _as_commands(remedy: str) -> str:
    told = " ".join(remedy.split())
    for request, words in AS_COMMANDS.items():
        told = told.replace(request, words)
    return told


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
