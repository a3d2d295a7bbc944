"""The edge as an ASGI application."""

import asyncio
from collections.abc import Callable
from typing import Any

from durable_server.http.edge import Answer, Edge, Request


class Lost:
    """Watches for the client's going away, but only once somebody wants to know."""

    __slots__ = ("_callbacks", "_receive", "_task")

    def __init__(self, receive: Any) -> None:
        self._receive = receive
        self._callbacks: list[Callable[[], None]] = []
        self._task: asyncio.Task[None] | None = None

    def __call__(self, callback: Callable[[], None]) -> None:
        """Call this when the client disconnects before the reply."""
        self._callbacks.append(callback)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            continue
        for callback in self._callbacks:
            callback()

    def close(self) -> None:
        """The reply is there: nobody wants to know any more."""
        if self._task is not None:
            self._task.cancel()


def application(edge: Edge) -> Any:
    """An ASGI callable that answers HTTP requests with an edge."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        lost = Lost(receive)
        request = Request(
            method=scope["method"],
            raw_path=scope.get("raw_path") or scope["path"].encode(),
            query=scope["query_string"],
            headers=dict(scope["headers"]),
            lost=lost,
        )
        answer = edge.begin(request)
        if answer is None:
            if not await _read(request, receive, edge.body_bytes_max):
                return
            try:
                answer = await edge.finish(request)
            finally:
                lost.close()
        await _send(answer, send)

    return serve


async def _read(request: Request, receive: Any, bytes_max: int) -> bool:
    """Read the body, no more than allowed; False when the client is gone."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return False
        part = message.get("body", b"")
        size += len(part)
        if size > bytes_max:
            request.too_large = True
            return True
        parts.append(part)
        if not message.get("more_body", False):
            request.body = parts[0] if len(parts) == 1 else b"".join(parts)
            return True


async def _send(answer: Answer, send: Any) -> None:
    start = {
        "type": "http.response.start",
        "status": answer.status,
        "headers": answer.headers,
    }
    await send(start)
    await send({"type": "http.response.body", "body": answer.body})
