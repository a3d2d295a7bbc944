"""What one request costs: a bare ASGI callable, a compiled operation, stock Connexion, in one run.

The handler does nothing; everything before and after it is measured. `python -m bench.edge` prints
nanoseconds in process; on uvicorn the CPU time of the whole server process is taken.
"""

import asyncio
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import psutil
import uvicorn

from tests.support.services import free_port, wait_until

IN_PROCESS = 3000
ON_UVICORN = 16_000
CONNECTIONS = 16
ROUNDS = 3
VARIANTS = ("bare", "compiled", "gated stock", "stock")
TITLES = {
    "bare": "bare ASGI callable",
    "compiled": "compiled operation",
    "gated stock": "our gates, then stock Connexion",
    "stock": "stock Connexion without gates",
}
PATH = "/api/worker/workflow-tasks/t-1/heartbeat"
BODY = orjson.dumps({"lease_owner": "worker-1", "workflow_task_attempt": 1})
HEADERS = {
    "host": "127.0.0.1",
    "content-type": "application/json",
    "content-length": str(len(BODY)),
    "authorization": "Bearer secret",
    "x-namespace": "default",
    "x-durable-workflow-protocol-version": "1.0",
}
ANSWER = {"task_id": "t-1", "renewed": True}


@cache
def _capabilities() -> orjson.Fragment:
    from durable_server.config import Settings
    from durable_server.http.envelopes import server_capabilities

    return orjson.Fragment(orjson.dumps(server_capabilities(Settings())))


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """The least that a JSON service can do to send the same bytes."""
    if scope["type"] != "http":
        return
    orjson.loads((await receive())["body"])
    content = orjson.dumps({**ANSWER, "server_capabilities": _capabilities()})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def ours(folder: Path, compiled: bool) -> tuple[Any, Callable[[], None]]:
    """The server's application with handlers that do nothing, and what ends it."""
    from durable_server import app
    from durable_server.call import Reply
    from durable_server.config import Settings
    from durable_server.http import stack
    from durable_server.store import migrate

    async def nothing(call: Any, **arguments: Any) -> Reply:
        return Reply(200, dict(ANSWER))

    url = f"sqlite:///{folder / 'edge.sqlite'}"
    settings = Settings(database_url=url, auth_token="secret", maintenance=False)  # type: ignore[arg-type]
    server = app.build_server(settings)
    migrate.bootstrap(server.store, settings)
    app.start(server)
    application = stack.application(
        lambda router: app.build_edge(server, router),
        handler_of=lambda name: nothing,
        compiled=lambda operation: compiled,
    )
    return application, lambda: app.stop(server)


def stock() -> Any:
    """The same document behind nothing but Connexion."""
    import connexion
    from connexion.resolver import Resolver
    from durable_contracts import bundle

    async def nothing(**arguments: Any) -> Any:
        return ANSWER, 200

    application = connexion.AsyncApp(__name__)
    application.add_api(bundle.lowered(), resolver=Resolver(lambda name: nothing))
    return application


def build(variant: str, folder: Path) -> tuple[Any, Callable[[], None]]:
    """A variant's application, and what ends it."""
    if variant == "bare":
        return bare, lambda: None
    if variant == "stock":
        return stock(), lambda: None
    return ours(folder, compiled=variant == "compiled")


def _scope() -> dict[str, Any]:
    headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": PATH,
        "raw_path": PATH.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }


async def _ask(application: Any) -> int:
    messages = [{"type": "http.request", "body": BODY, "more_body": False}]
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await application(_scope(), receive, send)
    return statuses[0]


async def _in_process(application: Any) -> float:
    """Nanoseconds for one request, the best of a few rounds."""
    assert await _ask(application) == 200
    rounds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter_ns()
        for _ in range(IN_PROCESS // ROUNDS):
            await _ask(application)
        rounds.append((time.perf_counter_ns() - begun) / (IN_PROCESS // ROUNDS))
    return min(rounds)


def _on_uvicorn(variant: str) -> float:
    """CPU nanoseconds of a server process for one request."""
    port = free_port()
    command = [sys.executable, "-m", "bench.edge", variant, str(port)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _serves(port), f"{variant} serves")
        connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
        _drive(connections, ON_UVICORN // 10)
        measured = psutil.Process(process.pid)
        before = sum(measured.cpu_times()[:2])
        _drive(connections, ON_UVICORN)
        spent: float = sum(measured.cpu_times()[:2]) - before
        for connection in connections:
            connection.close()
        return spent / ON_UVICORN * 1e9
    finally:
        process.terminate()
        process.wait()


def _serves(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _drive(connections: list[socket.socket], count: int) -> None:
    """Requests on all connections at once, as a server in use gets them."""
    lines = [f"POST {PATH} HTTP/1.1", *(f"{name}: {value}" for name, value in HEADERS.items())]
    request = "\r\n".join(lines).encode() + b"\r\n\r\n" + BODY
    for _ in range(count // len(connections)):
        for connection in connections:
            connection.sendall(request)
        for connection in connections:
            _receive(connection)


def _receive(connection: socket.socket) -> None:
    received = connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), received
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)


def measure() -> dict[str, float]:
    """Nanoseconds for one request by the name of the path it takes."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for variant in VARIANTS:
            application, end = build(variant, Path(folder))
            try:
                found[f"{TITLES[variant]}, in process"] = asyncio.run(_in_process(application))
            finally:
                end()
    for variant in VARIANTS:
        found[f"{TITLES[variant]}, on uvicorn"] = _on_uvicorn(variant)
    return found


def serve(variant: str, port: int) -> None:
    """Serve one variant until killed."""
    with tempfile.TemporaryDirectory() as folder:
        application, end = build(variant, Path(folder))
        try:
            uvicorn.run(
                application,
                port=port,
                access_log=False,
                log_level="error",
                proxy_headers=False,
                server_header=False,
            )
        finally:
            end()


def main() -> None:
    """Print the figures, and how many times the bare callable each of them is."""
    found = measure()
    for kind in ("in process", "on uvicorn"):
        least = found[f"{TITLES['bare']}, {kind}"]
        for name, nanoseconds in found.items():
            if name.endswith(kind):
                print(f"{name:48} {nanoseconds:>10.0f} ns  {nanoseconds / least:6.1f} x")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if len(sys.argv) == 3:
        serve(sys.argv[1], int(sys.argv[2]))
    else:
        main()
