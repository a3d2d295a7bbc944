"""Calls by operation id: path and method come from the contract, headers from the plane."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
from durable_contracts.operations import Operation
from durable_contracts.versions import CONTROL_HEADER, CONTROL_VERSION, WORKER_HEADER

from durable_conformance.judging import answers
from durable_conformance.target import Target
from durable_conformance.verdict import Broken, LeftOut, Undecided

NAMESPACE_HEADER = "X-Namespace"
SIGNATURE_HEADER = "X-Signature"
CONNECT_SECONDS = 5
# No poll may wait longer than a minute, whatever the server's settings.
ANSWER_SECONDS_MAX = 75
NO_CREDENTIAL = "none"
WRONG_CREDENTIAL = "wrong"
_PROBLEMS_MAX = 5
_WRONG = "no-credential-of-this-server"
# Whatever type these answers name, it is that of another one.
_WITHOUT_BODY = (204, 304)


class _Absent:
    """Stands for a body that is not sent, which is not the same as null."""


ABSENT = _Absent()


@dataclass(frozen=True)
class Request:
    """What a step wants to send; `None` as a header's value takes the header away."""

    method: str
    url_path: str
    plane: str
    role: str | None = None
    body: Any = ABSENT
    raw_body: bytes | None = None
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str | None] = field(default_factory=dict)
    operation: Operation | None = None


@dataclass(frozen=True)
class Exchange:
    """A request as it was sent, and what came back."""

    method: str
    url: str
    request_headers: dict[str, str]
    request_text: str
    status: int
    headers: dict[str, str]
    body: Any
    operation: Operation | None = None
    content: bytes = b""

    def contract_problems(self) -> list[str]:
        """In what the answer breaks the contract of its operation."""
        if self.operation is None:
            return []
        asked = {name.lower(): value for name, value in self.request_headers.items()}
        answer = answers.Answer(self.method, self.status, self.headers, self.content, asked)
        found = answers.judge(self.operation, answer)[:_PROBLEMS_MAX]
        return [f"{each.pointer} breaks the contract: {each.message}" for each in found]


class Client:
    """Sends requests to one target; may be used from several threads."""

    def __init__(self, target: Target) -> None:
        self.target = target
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
        timeout = httpx.Timeout(ANSWER_SECONDS_MAX, connect=CONNECT_SECONDS)
        self._http = httpx.Client(timeout=timeout, limits=limits, follow_redirects=False)

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def send(self, request: Request, seconds: float = ANSWER_SECONDS_MAX) -> Exchange:
        """Send one request; whatever status comes back in time is an answer."""
        content = _content(request)
        headers = self._headers(request, content)
        query = {name: str(value) for name, value in request.query.items()}
        url = httpx.URL(self.target.url + request.url_path)
        if query:
            url = url.copy_merge_params(query)
        timeout = httpx.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))
        prepared = httpx.Request(
            request.method,
            url,
            headers=headers,
            content=content,
            extensions={"timeout": timeout.as_dict()},
        )
        try:
            response = self._http.send(prepared)
        except httpx.DecodingError as error:
            raise Broken(f"the answer cannot be decompressed: {error}") from error
        except httpx.HTTPError as error:
            raise Undecided(f"no answer from {url.path}: {type(error).__name__}") from error
        return Exchange(
            method=request.method,
            url=str(url),
            request_headers=headers,
            request_text=(content or b"").decode(errors="replace"),
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=_parsed(response),
            operation=request.operation,
            content=response.content,
        )

    def _headers(self, request: Request, content: bytes | None) -> dict[str, str]:
        headers: dict[str, str | None] = {"Accept-Encoding": "identity"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        if request.plane == "control":
            headers[CONTROL_HEADER] = CONTROL_VERSION
        if request.plane == "worker":
            headers[WORKER_HEADER] = self.target.worker_version
        if request.plane in ("control", "worker"):
            headers[NAMESPACE_HEADER] = self.target.namespace
        headers.update(self._credential(request, content or b""))
        for name, value in request.headers.items():
            known = next((each for each in headers if each.lower() == name.lower()), name)
            headers[known] = value
        return {name: value for name, value in headers.items() if value is not None}

    def _credential(self, request: Request, content: bytes) -> dict[str, str]:
        role = request.role or self.role_for(request)
        if role == NO_CREDENTIAL or self.target.auth == "none":
            return {}
        secret = _WRONG if role == WRONG_CREDENTIAL else self.target.credential(role)
        if secret is None:
            raise LeftOut(f"no credential was given for {role}")
        if self.target.auth == "signature":
            digest = hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()
            return {SIGNATURE_HEADER: digest}
        return {"Authorization": f"Bearer {secret}"}

    def role_for(self, request: Request) -> str:
        """The least role whose credential the target was given and that may call this."""
        if request.plane == "public":
            return NO_CREDENTIAL
        roles = request.operation.roles if request.operation else {"operator", "admin"}
        if request.plane == "worker":
            roles = {"worker"}
        for role in ("worker", "operator", "admin"):
            if role in roles and self.target.credential(role):
                return role
        return sorted(roles)[0]


def url_path(operation: Operation, values: Mapping[str, Any]) -> str:
    """The path of an operation with its parameters filled in."""
    path = operation.path
    for name, value in values.items():
        placeholder = "{" + name + "}"
        if placeholder not in path:
            raise Undecided(f"{operation.operation_id} has no path parameter {name}")
        path = path.replace(placeholder, quote(str(value), safe=""))
    if "{" in path:
        raise Undecided(f"{operation.operation_id} needs its path parameters: {operation.path}")
    return path


def _content(request: Request) -> bytes | None:
    if request.raw_body is not None:
        return request.raw_body
    if isinstance(request.body, _Absent):
        return None
    return json.dumps(request.body, ensure_ascii=False).encode()


def _parsed(response: httpx.Response) -> Any:
    media_type = response.headers.get("content-type", "")
    if "json" not in media_type or response.status_code in _WITHOUT_BODY:
        return response.text
    try:
        return json.loads(response.content)
    except ValueError as error:
        raise Broken(f"the answer calls itself {media_type} and is no JSON: {error}") from error
