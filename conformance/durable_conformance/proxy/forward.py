"""Passes requests on and answers back, byte for byte, and has what passed judged afterwards."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from durable_conformance.proxy import unanswered
from durable_conformance.proxy.kept import Budget, Kept

CONNECT_SECONDS = 10
# Shorter than servers keep idle connections, so that it is we who close them.
IDLE_SECONDS = 2
CONNECTIONS_KEPT = 200
LEFT = "the client left"
# They belong to one connection, and there are two.
_OF_A_CONNECTION = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te"),
        *(b"trailer", b"transfer-encoding", b"upgrade", b"host"),
    }
)

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


@dataclass
class Exchange:
    """One request that passes, and its answer; `status` is None until the server answers."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    sent: Kept
    came: Kept
    status: int | None = None
    answer_headers: dict[str, str] = field(default_factory=dict)
    whole: bool = False
    trouble: str | None = None


class Forwarding:
    """An ASGI application that is another server's; `look` is shown every exchange at its end."""

    def __init__(self, upstream: str, budget: Budget, look: Callable[[Exchange], None]) -> None:
        self._base = httpx.URL(upstream)
        self._budget = budget
        self._look = look
        limits = httpx.Limits(
            max_connections=None,
            max_keepalive_connections=CONNECTIONS_KEPT,
            keepalive_expiry=IDLE_SECONDS,
        )
        timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)
        self._http = httpx.AsyncHTTPTransport(limits=limits, trust_env=False)
        self._timeout = timeout.as_dict()

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Carry out one exchange."""
        exchange = self._begun(scope)
        try:
            await self._exchange(exchange, scope, receive, send)
        finally:
            self._look(exchange)
            exchange.sent.drop()
            exchange.came.drop()

    def _begun(self, scope: Any) -> Exchange:
        return Exchange(
            method=scope["method"],
            path=scope["raw_path"].decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            headers=_readable(scope["headers"]),
            sent=Kept(self._budget),
            came=Kept(self._budget),
        )

    async def _exchange(self, exchange: Exchange, scope: Any, receive: Receive, send: Send) -> None:
        sent = asyncio.Event()
        first, more = await _some(exchange, receive, sent)
        if exchange.trouble is not None:
            return
        body = _body(exchange, first, receive, sent) if more else first
        passing = asyncio.create_task(self._pass_on(exchange, scope, body, send))
        leaving = asyncio.create_task(_gone(receive, sent))
        try:
            await asyncio.wait({passing, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not passing.done() and not exchange.whole:
                exchange.trouble = LEFT
                passing.cancel()
            await asyncio.gather(passing, return_exceptions=exchange.trouble is not None)
        finally:
            leaving.cancel()
            passing.cancel()

    async def _pass_on(self, exchange: Exchange, scope: Any, body: Any, send: Send) -> None:
        try:
            response = await self._http.handle_async_request(self._request(scope, body))
        except httpx.HTTPError as error:
            exchange.trouble = exchange.trouble or f"{type(error).__name__}: {error}".rstrip(": ")
            await _in_its_place(exchange, send)
            return
        try:
            await _pass_back(exchange, response, send)
        except httpx.HTTPError as error:
            exchange.trouble = f"the answer ended early: {type(error).__name__}"
            raise
        finally:
            await response.aclose()

    def _request(self, scope: Any, body: Any) -> httpx.Request:
        target = self._base.raw_path.rstrip(b"/") + scope["raw_path"]
        if scope["query_string"]:
            target += b"?" + scope["query_string"]
        named = [(n, value) for n, value in scope["headers"] if n not in _OF_A_CONNECTION]
        return httpx.Request(
            scope["method"],
            self._base,
            headers=[(b"host", self._base.netloc), *named],
            content=body or None,
            extensions={"target": target, "timeout": self._timeout},
        )


async def _some(exchange: Exchange, receive: Receive, sent: asyncio.Event) -> tuple[bytes, bool]:
    """The body as far as it is small enough to keep, and whether more comes."""
    chunks: list[bytes] = []
    more = True
    while more and exchange.sent.whole:
        message = await receive()
        if message["type"] == "http.disconnect":
            exchange.trouble = LEFT
            break
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
        exchange.sent.add(chunks[-1])
    if not more:
        sent.set()
    return b"".join(chunks), more


async def _body(
    exchange: Exchange, first: bytes, receive: Receive, sent: asyncio.Event
) -> AsyncIterator[bytes]:
    yield first
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            exchange.trouble = LEFT
            raise httpx.ReadError(LEFT)
        more = message.get("more_body", False)
        yield message.get("body", b"")
    sent.set()


async def _gone(receive: Receive, sent: asyncio.Event) -> None:
    """Return when the client has left; only one may listen to it at a time."""
    await sent.wait()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _pass_back(exchange: Exchange, response: httpx.Response, send: Send) -> None:
    raw = response.headers.raw
    exchange.status = response.status_code
    exchange.answer_headers = _readable([(name.lower(), value) for name, value in raw])
    kept = [(name.lower(), value) for name, value in raw]
    kept = [each for each in kept if each[0] not in _OF_A_CONNECTION]
    await send({"type": "http.response.start", "status": exchange.status, "headers": kept})
    async for chunk in response.stream:  # type: ignore[union-attr]
        exchange.came.add(chunk)
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    exchange.whole = True
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _in_its_place(exchange: Exchange, send: Send) -> None:
    headers, content = unanswered.answer(
        exchange.method, exchange.path, exchange.headers, exchange.trouble or ""
    )
    status = unanswered.STATUS
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def _readable(headers: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers:
        key = name.decode("latin-1")
        text = value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found
