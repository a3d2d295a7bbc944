"""One request from its head to its answer, the same under every HTTP server.

Nothing here awaits anything but `Pending`, so that it runs on an event loop and in a thread.
"""

import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from durable_contracts.bundle import Operation

from durable_server.auth.drivers import Credentials, Driver
from durable_server.auth.principal import Principal
from durable_server.call import Call, Reply
from durable_server.clock import monotonic_seconds
from durable_server.config import Settings
from durable_server.engine import trace_context
from durable_server.http import compression, gates, limits, storable
from durable_server.http.compile import Plan, Route, Router
from durable_server.http.envelopes import Envelopes, headers_of
from durable_server.http.namespaces_known import KnownNamespaces
from durable_server.http.refusals import reply_to
from durable_server.ids import new_plain_id
from durable_server.refusal import Refusal
from durable_server.server import Server

log = logging.getLogger("durable_server.http")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,255}")
_NUL = b"\\u0000"
FORWARDED_LENGTH_MAX = 255
# Nothing can be said of a query without waiting for its worker.
ALWAYS_WAITS = frozenset({"query"})
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(slots=True)
class Request:
    """A request as the HTTP server read it; header names are lower case.

    `waits` is false when no thread can be spared to hold it.
    """

    method: str
    raw_path: bytes
    query: bytes
    headers: dict[bytes, bytes]
    lost: Callable[[Callable[[], None]], None]
    body: bytes = b""
    too_large: bool = False
    route: Route | None = None
    request_id: str = ""
    waits: bool = True
    begun_at: float = 0.0
    span: Any = None


@dataclass(slots=True)
class Answer:
    """What goes back: status, headers and bytes."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = field(default=b"")


@dataclass(slots=True)
class Passing:
    """A request that has passed the gates: its plan, its call, and what is still to be bound."""

    plan: Plan
    call: Call
    body: dict[str, Any]
    query: bytes
    ids: dict[str, str]


async def _no_stock(passing: Passing) -> Reply:
    raise RuntimeError(f"nothing stands behind {passing.plan.operation.operation_id}")


class Edge:
    """Routes, checks, dispatches and wraps."""

    def __init__(self, server: Server, driver: Driver, router: Router) -> None:
        self.server = server
        self.driver = driver
        self.stock: Callable[[Passing], Awaitable[Reply]] = _no_stock
        self.body_bytes_max = server.settings.max_payload_bytes
        self._router = router
        self._observer = server.observer
        self._tracing = server.tracing
        # The one operation whose readers the operator chooses.
        is_open = server.settings.metrics_access == "everybody"
        self._opened = frozenset({"metrics.read"} if is_open else ())
        self._known = KnownNamespaces(server)
        self._envelopes = Envelopes(server.settings)
        self._forwarding = _forwarding(server.settings)
        self._default_namespace = server.settings.default_namespace.lower()

    def begin(self, request: Request) -> Answer | None:
        """Decide what needs no body; None means: read the body, then `finish`."""
        request.begun_at = monotonic_seconds()
        _name(request)
        if request.method == "OPTIONS" and b"access-control-request-method" in request.headers:
            return self._preflight(request)
        request.route = route = self._router.find(request.method, request.raw_path)
        if route.plan is None:
            return self.reply(request, self._nowhere(request, route))
        length = request.headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > self.body_bytes_max:
            return self._refuse_size(request)
        return None

    def answer_too_large(self, request: Request) -> Answer:
        """The answer to a request whose body the HTTP server would not read."""
        return self.begin(request) or self._refuse_size(request)

    def _refuse_size(self, request: Request) -> Answer:
        refusal = Refusal("payload_too_large", limit=self.body_bytes_max)
        assert request.route is not None
        return self.reply(request, reply_to(refusal, request.route.plane))

    async def finish(self, request: Request) -> Answer:
        """The answer to a request whose body has been read."""
        route = request.route
        assert route is not None and route.plan is not None
        if request.too_large:
            return self._refuse_size(request)
        try:
            reply = await self._carry_out(request, route, route.plan)
        except Refusal as refusal:
            own = route.plan.refused(refusal, route.ids)
            reply = own or reply_to(refusal, route.plane)
        except Exception:
            log.exception("a request failed", extra={"request_id": request.request_id})
            bug = Refusal("server_error", request_id=request.request_id)
            reply = reply_to(bug, route.plane)
        return self.reply(request, reply)

    async def _carry_out(self, request: Request, route: Route, plan: Plan) -> Reply:
        body: Any = None
        if request.body and request.method in _WITH_BODY:
            limits.check_media_type(request.headers.get(b"content-type", b"").decode("latin-1"))
            body = limits.parse(request.body)
        operation = plan.operation
        principal = self._caller(request, operation)
        gates.check_version(operation, request.headers)
        self._check_migrated(plan)
        namespace = gates.namespace_of(request.headers, request.query, self._default_namespace)
        if operation.namespace_required and not self._known.surely_exists(namespace):
            await gates.check_namespace(self._known, namespace)
        if b"%00" in request.raw_path and operation.plane != "public":
            storable.check_ids(route.ids)
        given = body if type(body) is dict else {}
        call = self._call(request, route, principal, namespace)
        if self._tracing is not None:
            call.trace = self._tracing.begin(request, operation, namespace, given)
        arguments = _bound(plan, given, request.query, route.ids) if plan.compiled else {}
        if plan.body is not None and _NUL in request.body:
            storable.check_body(given)
        if not plan.compiled:
            return await self.stock(Passing(plan, call, given, request.query, route.ids))
        if not request.waits:
            if operation.control_operation in ALWAYS_WAITS:
                raise Refusal("too_many_polls")
            _forbid_waiting(arguments)
        reply: Reply = await plan.handler(call, **arguments)
        return reply

    def _caller(self, request: Request, operation: Operation) -> Principal:
        if operation.operation_id in self._opened:
            return Principal("", "none")
        return gates.check_caller(self.driver, operation, _credentials(request))

    def _check_migrated(self, plan: Plan) -> None:
        if plan.operation.plane in ("worker", "control") and not self.server.database.settled:
            raise Refusal("database_not_ready")

    def _call(self, request: Request, route: Route, principal: Principal, namespace: str) -> Call:
        assert route.plan is not None
        operation = route.plan.operation
        settings = self.server.settings
        correlation = request.headers.get(b"x-correlation-id")
        return Call(
            server=self.server,
            operation=operation.operation_id,
            method=request.method,
            route=f"/{route.path}",
            principal=principal,
            namespace=namespace,
            request_id=request.request_id,
            protocol_version=gates.echoed_version(request.headers)
            if operation.plane == "worker"
            else None,
            advertised_version=route.advertised or settings.worker_protocol_version,
            correlation_id=correlation.decode("latin-1") if correlation else None,
            forwarded=self._forwarded(request.headers) if self._forwarding else {},
            lost=request.lost,
            credentials=_credentials(request),
            trace=trace_context.of_headers(request.headers)
            if b"traceparent" in request.headers
            else None,
        )

    def _forwarded(self, headers: dict[bytes, bytes]) -> dict[str, str]:
        """What a trusted proxy says of the caller."""
        found = {}
        for fact, header in self._forwarding.items():
            text = headers.get(header, b"").decode("utf-8", "replace").strip()
            if text:
                found[fact] = text[:FORWARDED_LENGTH_MAX]
        return found

    def _nowhere(self, request: Request, route: Route) -> Reply:
        if not route.allowed:
            return reply_to(Refusal("not_found", route=route.path), route.plane)
        methods = ", ".join(route.allowed)
        refusal = Refusal(
            "method_not_allowed",
            method=request.method,
            route=route.path,
            supported_methods=methods,
            headers={"Allow": methods},
        )
        return reply_to(refusal, route.plane)

    def reply(self, request: Request, reply: Reply) -> Answer:
        """A reply as it goes out: wrapped for its plane, with its headers, compressed."""
        route = request.route
        assert route is not None
        plane = route.plane
        if plane == "discovery" and reply.status >= 400:
            plane = "control"
        version = gates.echoed_version(request.headers)
        headers = [
            *headers_of(plane, version),
            (b"x-request-id", request.request_id.encode()),
        ]
        headers += [(k.encode(), v.encode("latin-1")) for k, v in reply.headers.items()]
        kind = "application/json"
        if reply.raw is not None:
            content, kind = reply.raw
        else:
            content = orjson.dumps(self._wrapped(route, plane, reply.body, version))
        headers.append((b"content-type", kind.encode()))
        content = self._packed(request, kind, content, headers)
        if reply.status != 304:
            # Of a document that is not sent again the length is not nothing, but not said.
            headers.append((b"content-length", str(len(content)).encode()))
        self._observe(request, reply)
        _log_reply(request, reply.status)
        return Answer(reply.status, headers, b"" if request.method == "HEAD" else content)

    def _observe(self, request: Request, reply: Reply) -> None:
        plan = request.route.plan if request.route else None
        operation = plan.operation.operation_id if plan is not None else "none"
        reason = reply.body.get("reason") if reply.status >= 400 else None
        seconds = monotonic_seconds() - request.begun_at
        self._observer.answered(operation, reply.status, reason, seconds)
        if self._tracing is not None:
            self._tracing.end(request, plan.operation if plan else None, reply.status, reason)

    def _wrapped(
        self, route: Route, plane: str, body: dict[str, Any], version: str
    ) -> dict[str, Any]:
        if plane == "worker":
            return self._envelopes.worker(body, version)
        if route.plan is not None and route.plan.operation.control_operation:
            operation = route.plan.operation.control_operation
            return self._envelopes.control(body, operation, route.ids)
        return body

    def _packed(
        self, request: Request, kind: str, content: bytes, headers: list[tuple[bytes, bytes]]
    ) -> bytes:
        if len(content) < compression.BYTES_MIN or not self.server.settings.compression_enabled:
            return content
        accepted = request.headers.get(b"accept-encoding", b"").decode("latin-1")
        encoding = compression.encoding_for(accepted) if kind == "application/json" else None
        if encoding is None:
            return content
        headers.append((b"content-encoding", encoding.encode()))
        headers.append((b"vary", b"Accept-Encoding"))
        return compression.compress(content, encoding)

    def _preflight(self, request: Request) -> Answer:
        asked = request.headers[b"access-control-request-method"]
        headers = [
            (b"access-control-allow-origin", b"*"),
            (b"access-control-allow-methods", asked),
            (b"vary", b"Access-Control-Request-Method, Access-Control-Request-Headers"),
            (b"x-request-id", request.request_id.encode()),
        ]
        wanted = request.headers.get(b"access-control-request-headers")
        if wanted:
            headers.append((b"access-control-allow-headers", wanted))
        return Answer(204, headers)


def _forwarding(settings: Settings) -> dict[str, bytes]:
    """Which facts are taken from which headers; none unless forwarding is trusted."""
    if not settings.trust_forwarded_attribution_headers:
        return {}
    named = {
        "caller_type": settings.caller_type_header,
        "caller_label": settings.caller_label_header,
        "auth_status": settings.auth_status_header,
        "auth_method": settings.auth_method_header,
    }
    return {fact: header.lower().encode() for fact, header in named.items()}


def _name(request: Request) -> None:
    given = request.headers.get(b"x-request-id", b"").strip()
    request.request_id = given.decode() if _REQUEST_ID.fullmatch(given) else new_plain_id()


def _bound(plan: Plan, body: dict[str, Any], query: bytes, ids: dict[str, str]) -> dict[str, Any]:
    """What the handler is called with; refused when it breaks the contract."""
    arguments: dict[str, Any] = dict(ids)
    if query or plan.query.required:
        arguments = {**plan.query.read(query), **ids}
    if plan.body is not None:
        plan.body.check(body)
        arguments["body"] = body
    return arguments


def _forbid_waiting(arguments: dict[str, Any]) -> None:
    arguments.pop("wait_new_event", None)
    if "body" in arguments:
        arguments["body"] = {**arguments["body"], "timeout_seconds": 0}


def _credentials(request: Request) -> Credentials:
    return Credentials(
        request.method, request.raw_path, request.query, request.headers, request.body
    )


def _log_reply(request: Request, status: int) -> None:
    # One line per request is for those who look for something; failures are for everybody.
    level = logging.WARNING if status >= 500 else logging.DEBUG
    if log.isEnabledFor(level):
        route = request.route
        facts = {
            "request_id": request.request_id,
            "method": request.method,
            "route": route.plan.operation.path if route and route.plan else "",
            "status": status,
        }
        log.log(level, "answered", extra=facts)
