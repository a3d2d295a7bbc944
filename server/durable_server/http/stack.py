"""The one Connexion application: compiled operations, and the stock stack behind them.

Theory of operation. `Compiled` is the outermost middleware. Connexion hands it the document as it
hands it to its own middlewares, and it makes a plan of every operation. A request passes the gates
there; a compiled operation is then checked and dispatched at once. Any other one goes on, its body
replayed, through Connexion's own routing and validation to the same handler, and its reply comes
back through the same envelopes.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import connexion
import orjson
from connexion import ConnexionMiddleware
from connexion.lifecycle import ConnexionResponse
from connexion.middleware.abstract import SpecMiddleware
from connexion.options import SwaggerUIOptions
from connexion.resolver import Resolver
from durable_contracts import bundle, versions
from durable_contracts.bundle import Operation

from durable_server.call import Call, Reply
from durable_server.http import asgi
from durable_server.http.compile import Handler, Router, find_handler
from durable_server.http.edge import Edge, Passing
from durable_server.refusal import Refusal

_SCOPE_KEY = "durable_server.passing"
_METHODS = frozenset({"get", "post", "put", "patch", "delete"})
# Seldom asked for, and without a body: nothing is gained by compiling them.
STOCK_STEMS = frozenset({"documents"})
EdgeOf = Callable[[Router], Edge]
IsCompiled = Callable[[Operation], bool]


def is_hot(operation: Operation) -> bool:
    """Whether an operation is compiled."""
    return operation.operation_id.partition(".")[0] not in STOCK_STEMS


@dataclass(slots=True)
class Outcome:
    """What a request on its way through the stock stack needs and what came of it."""

    call: Call
    ids: dict[str, str]
    known: frozenset[str]
    reply: Reply | None = None
    error: Exception | None = None
    status: int = 0
    parts: list[bytes] = field(default_factory=list)


class Compiled(SpecMiddleware):  # type: ignore[misc]
    """Serves requests with an edge; what is not compiled goes on to the next application."""

    def __init__(
        self, app: Any, edge_of: EdgeOf, handler_of: Callable[[str], Handler], compiled: IsCompiled
    ) -> None:
        self._app = app
        self._edge_of, self._handler_of, self._compiled = edge_of, handler_of, compiled
        self._serve: Any = None

    def add_api(self, specification: Any, **_: Any) -> None:
        """Make the plans of a document's operations."""
        named = {
            stated["operationId"]
            for item in specification.raw["paths"].values()
            for method, stated in item.items()
            if method in _METHODS
        }
        stated = [each for each in bundle.operations() if each.operation_id in named]
        edge = self._edge_of(Router(self._handler_of, stated, self._compiled))
        edge.stock = self._carry_on
        self._serve = asgi.application(edge)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request; other events are the next application's."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _carry_on(self, passing: Passing) -> Reply:
        """The reply of the stock stack, which ends in the same handler."""
        outcome = Outcome(passing.call, passing.ids, passing.plan.query.names)
        body = orjson.dumps(passing.body) if passing.plan.body is not None else b""
        await self._app(_scope(passing, outcome, body), _replayed(body), _gathered(outcome))
        if outcome.error is not None:
            raise outcome.error
        if outcome.reply is not None:
            return outcome.reply
        raise _refusal(outcome)


def _scope(passing: Passing, outcome: Outcome, body: bytes) -> dict[str, Any]:
    operation = passing.plan.operation
    # Ids were read by our router, which knows what an encoded slash is; here they stand for
    # themselves.
    path = operation.path.replace("{", "").replace("}", "")
    headers = [(b"host", b"stock"), (b"accept", b"*/*")]
    if operation.plane == "worker":
        version = passing.call.protocol_version or versions.WORKER_VERSION
        headers.append((versions.WORKER_HEADER.lower().encode(), version.encode()))
    elif operation.plane == "control":
        version = versions.CONTROL_VERSION
        headers.append((versions.CONTROL_HEADER.lower().encode(), version.encode()))
    if body:
        headers.append((b"content-type", b"application/json"))
        headers.append((b"content-length", str(len(body)).encode()))
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": operation.method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": passing.query,
        "headers": headers,
        "server": ("stock", 80),
        "client": None,
        _SCOPE_KEY: outcome,
    }


def _replayed(body: bytes) -> Callable[[], Any]:
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    return receive


def _gathered(outcome: Outcome) -> Callable[[Any], Any]:
    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            outcome.status = message["status"]
        else:
            outcome.parts.append(message.get("body", b""))

    return send


def _refusal(outcome: Outcome) -> Refusal:
    """What Connexion itself found wrong."""
    if outcome.status >= 500 or outcome.status in (404, 405):
        raise RuntimeError(f"the stock stack answered {outcome.status}")
    try:
        detail = str(orjson.loads(b"".join(outcome.parts)).get("detail", ""))
    except ValueError:
        detail = ""
    return Refusal("validation_failed", errors={"body": [detail or "The request is invalid."]})


def _stock_handler(handler: Handler) -> Handler:
    """The handler as Connexion calls it: with what it bound, for the call that is on its way."""

    async def handle(**bound: Any) -> ConnexionResponse:
        outcome: Outcome = connexion.request.scope[_SCOPE_KEY]
        arguments = {name: value for name, value in bound.items() if name in outcome.known}
        arguments.update(outcome.ids)
        if "body" in bound:
            arguments["body"] = bound["body"] if isinstance(bound["body"], dict) else {}
        try:
            outcome.reply = await handler(outcome.call, **arguments)
        except Exception as error:
            outcome.error = error
        return ConnexionResponse(status_code=204)

    return handle


def _document() -> dict[str, Any]:
    """The document for Connexion: what requests may be.

    Credentials are the gates' business, and Connexion checks no replies; without these it takes a
    third of the time to start.
    """
    whole = bundle.lowered()
    paths = {
        path: {
            method: _request_side(stated) if method in _METHODS else stated
            for method, stated in item.items()
        }
        for path, item in whole["paths"].items()
    }
    needed: dict[str, dict[str, Any]] = {}
    _gather(paths, whole, needed)
    return {
        "openapi": whole["openapi"],
        "info": whole["info"],
        "paths": paths,
        "components": needed,
    }


def _request_side(stated: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in stated.items() if key not in ("security", "responses")}
    return {**kept, "responses": {"default": {"description": "See the published document."}}}


def _gather(node: Any, whole: dict[str, Any], needed: dict[str, dict[str, Any]]) -> None:
    """Add every component that a part of the document refers to."""
    if isinstance(node, list):
        for each in node:
            _gather(each, whole, needed)
    if not isinstance(node, dict):
        return
    reference = node.get("$ref")
    if isinstance(reference, str):
        section, name = reference.split("/")[-2:]
        held = needed.setdefault(section, {})
        if name not in held:
            held[name] = whole["components"][section][name]
            _gather(held[name], whole, needed)
    for value in node.values():
        _gather(value, whole, needed)


def application(
    edge_of: EdgeOf,
    handler_of: Callable[[str], Handler] = find_handler,
    compiled: IsCompiled = is_hot,
) -> Any:
    """The ASGI application; its lifespan builds the stack."""
    first = partial(Compiled, edge_of=edge_of, handler_of=handler_of, compiled=compiled)
    app = connexion.AsyncApp(
        "durable_server",
        middlewares=[first, *ConnexionMiddleware.default_middlewares],
        # The server has a documentation page of its own.
        swagger_ui_options=SwaggerUIOptions(swagger_ui=False),
    )
    resolver = Resolver(lambda name: _stock_handler(handler_of(name)))
    app.add_api(_document(), resolver=resolver)
    return app
