"""Requests for the answers that chance rarely reaches: the gates before each operation."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx
from durable_contracts.operations import Operation
from durable_contracts.versions import (
    CONTROL_HEADER,
    CONTROL_VERSION,
    WORKER_HEADER,
    WORKER_VERSION,
)

from durable_conformance.fuzz.live import Live, headers_of
from durable_conformance.target import Target

_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")
NOTHING: Mapping[str, str] = {}
_JSON = {"Content-Type": "application/json"}

Directed = tuple[str, str, dict[str, str], bytes]


def requests(operation: Operation, target: Target, bytes_max: int) -> Iterator[Directed]:
    """Method, address, headers and body of each directed request."""
    url = target.url + _path(operation)
    own = {**_versions(operation.plane), **headers_of(target, operation.plane)}
    takes = operation.method in _WITH_BODY
    yield operation.method, url, {**own, **(_JSON if takes else {})}, b"{}" if takes else b""
    yield operation.method, url, _versions(operation.plane), b""
    yield operation.method, url, headers_of(target, operation.plane), b""
    unheard = dict.fromkeys(_versions(operation.plane), "99.0")
    yield operation.method, url, {**own, **unheard}, b""
    yield operation.method, url, {**own, "X-Namespace": "no-such-namespace"}, b""
    yield operation.method, url, {**own, **_JSON}, b" " * (bytes_max + 1)
    for role in ("worker", "operator", "admin"):
        secret = target.credential(role)
        if secret and role not in operation.roles and target.has_own_credential(role):
            yield operation.method, url, {**own, "Authorization": f"Bearer {secret}"}, b""
    if takes:
        yield operation.method, url, {**own, "Content-Type": "text/plain"}, b"text"
        yield operation.method, url, {**own, **_JSON}, b"{"


def of_fields(operation: Operation, target: Target) -> Iterator[Directed]:
    """Requests with a value that no field takes, in the body or the query."""
    own = {**_versions(operation.plane), **headers_of(target, operation.plane)}
    url = target.url + _path(operation)
    members = (operation.request_schema or {}).get("properties", {})
    if members:
        content = json.dumps({name: [[]] for name in members}).encode()
        yield operation.method, url, {**own, **_JSON}, content
    asked = [each.name for each in operation.parameters if each.location == "query"]
    query = "&".join(f"{name}=%00no" for name in asked if name != "namespace")
    if query:
        yield operation.method, f"{url}?{query}", own, b""


def of_names(operation: Operation, target: Target) -> Iterator[Directed]:
    """A request whose address names what no database keeps."""
    own = {**_versions(operation.plane), **headers_of(target, operation.plane)}
    named = {each.name: "\0" for each in operation.parameters if each.location == "path"}
    if named:
        yield operation.method, target.url + _path(operation, named), own, b""


def of_closed_runs(operation: Operation, live: Live) -> Iterator[Directed]:
    """A request to a run that has ended, for what speaks to runs."""
    if "{workflow_id}" not in operation.path or operation.method == "GET":
        return
    names = live.closed_run()
    url = live.url + _path(operation, names)
    own = {**_versions(operation.plane), **headers_of(live.target, operation.plane)}
    yield operation.method, url, {**own, **_JSON}, b"{}"


def known_already(directed: Directed, tag: str) -> Directed:
    """The same request of a caller who has the answer with this entity tag."""
    method, url, headers, content = directed
    return method, url, {**headers, "If-None-Match": tag}, content


def send(client: httpx.Client, directed: Directed) -> httpx.Response:
    """Send one of them."""
    method, url, headers, content = directed
    return client.request(method, url, headers=headers, content=content)


def _versions(plane: str) -> dict[str, str]:
    known: dict[str, Any] = {"control": (CONTROL_HEADER, CONTROL_VERSION)}
    known["worker"] = (WORKER_HEADER, WORKER_VERSION)
    return dict([known[plane]]) if plane in known else {}


def _path(operation: Operation, names: Mapping[str, str] = NOTHING) -> str:
    path = operation.path
    for parameter in operation.parameters:
        if parameter.location == "path":
            path = path.replace(
                "{" + parameter.name + "}",
                quote(names.get(parameter.name, "no-such-thing"), safe=""),
            )
    return path
