"""An application in this process, asked over ASGI as an HTTP server would ask it."""

import asyncio
import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from durable_server import app
from durable_server.config import Settings
from durable_server.server import Server
from durable_server.store import migrate

from tests.support.databases import own_database

CONTROL = "X-Durable-Workflow-Control-Plane-Version"
WORKER = "X-Durable-Workflow-Protocol-Version"
TOKENS = {role: f"token-of-{role}" for role in ("worker", "operator", "admin")}
Headers = dict[str, str]


@dataclass
class Answer:
    """What came back; header names are lower case."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        """The JSON value, unpacked when it came compressed."""
        return json.loads(self.unpacked())

    def unpacked(self) -> bytes:
        """The body as it was before it was compressed."""
        encoding = self.headers.get("content-encoding")
        if encoding == "gzip":
            return gzip.decompress(self.raw)
        if encoding == "deflate":
            return zlib.decompress(self.raw, -zlib.MAX_WBITS)
        return self.raw


@dataclass
class Asker:
    """Sends requests to an application, each whole before the next."""

    server: Server
    application: Any
    headers: Headers = field(default_factory=dict)
    runner: asyncio.Runner = field(default_factory=asyncio.Runner)

    def ask(
        self,
        method: str,
        target: str | bytes,
        body: Any = None,
        headers: Headers | None = None,
        chunks: Sequence[bytes] | None = None,
    ) -> Answer:
        """Send a request; `chunks` are sent as they are, without a declared length."""
        return self.runner.run(self.exchange(method, target, body, headers, chunks))

    async def exchange(
        self,
        method: str,
        target: str | bytes,
        body: Any = None,
        headers: Headers | None = None,
        chunks: Sequence[bytes] | None = None,
    ) -> Answer:
        """As `ask`, beside other requests."""
        sent = {**self.headers, **(headers or {})}
        parts = list(chunks) if chunks is not None else [_bytes_of(body)]
        if chunks is None and parts != [b""]:
            sent.setdefault("Content-Length", str(len(parts[0])))
        if parts != [b""]:
            sent.setdefault("Content-Type", "application/json")
        return await self._exchange(method, target, sent, parts)

    async def _exchange(
        self, method: str, target: str | bytes, headers: Headers, parts: list[bytes]
    ) -> Answer:
        path, _, query = (target if isinstance(target, bytes) else target.encode()).partition(b"?")
        scope = {
            "type": "http",
            "method": method,
            "path": path.decode("latin-1"),
            "raw_path": path,
            "root_path": "",
            "scheme": "http",
            "http_version": "1.1",
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
            "query_string": query,
            "headers": [
                (name.lower().encode(), value.encode("latin-1"))
                for name, value in headers.items()
                if value is not None
            ],
        }
        messages = [
            {"type": "http.request", "body": part, "more_body": index < len(parts) - 1}
            for index, part in enumerate(parts)
        ]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop(0)
            await asyncio.get_running_loop().create_future()
            raise AssertionError

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.application(scope, receive, send)
        held = {
            name.decode().lower(): value.decode("latin-1") for name, value in sent[0]["headers"]
        }
        return Answer(sent[0]["status"], held, b"".join(m.get("body", b"") for m in sent[1:]))


def _bytes_of(body: Any) -> bytes:
    if body is None:
        return b""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


@contextmanager
def asking(kind: str, folder: Path, **settings: Any) -> Iterator[Asker]:
    """A started application on a database of its own; everybody may do everything unless told."""
    settings.setdefault("auth_driver", "none")
    with own_database(kind, folder) as url:
        chosen = Settings(database_url=url, maintenance=False, **settings)
        server = app.build_server(chosen)
        migrate.bootstrap(server.store, chosen)
        app.start(server)
        asker = Asker(server, app.build_asgi(server), {CONTROL: "2", WORKER: "1.20"})
        try:
            with asker.runner:
                yield asker
        finally:
            app.stop(server)
