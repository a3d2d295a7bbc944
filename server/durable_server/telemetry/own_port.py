"""Metrics on a port of their own, which whoever reaches it may read."""

import socket
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from durable_server.telemetry.exposition import CONTENT_TYPE

IDLE_SECONDS_MAX = 10
SCRAPES_MAX = 8


class _Handler(WSGIRequestHandler):
    timeout = IDLE_SECONDS_MAX

    def log_message(self, *_: Any) -> None:
        """Scrapes are no news."""


class _Server(ThreadingMixIn, WSGIServer):
    """Answers so many scrapes at once; whoever comes beyond that is sent away."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address, _Handler, bind_and_activate=False)
        self._slots = threading.BoundedSemaphore(SCRAPES_MAX)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a connection, if there is room."""
        if self._slots.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer it, and make room."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()


def serve(listener: socket.socket, text: Callable[[], bytes]) -> None:
    """Answer scrapes on a listening socket, on threads of their own, until the process ends."""
    address = listener.getsockname()[:2]
    server = _Server(address)
    server.socket.close()
    server.socket = listener
    server.server_name, server.server_port = address
    server.setup_environ()
    server.set_app(_application(text))
    threading.Thread(target=server.serve_forever, name="metrics-port", daemon=True).start()


def _application(text: Callable[[], bytes]) -> Any:
    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/metrics":
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"The metrics are at /metrics.\n"]
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            start_response("405 Method Not Allowed", [("Allow", "GET, HEAD")])
            return [b""]
        content = text()
        headers = [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(content)))]
        start_response("200 OK", headers)
        return [content]

    return answer
