"""A toy target: answers every route as it is told to, also wrongly."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], Any]
HEALTHY = {"status": "serving", "timestamp": "2026-04-13T12:00:00+00:00"}
JSON = {"Content-Type": "application/json", "X-Request-Id": "1"}


@contextmanager
def toy_server(answers: dict[str, Answer]) -> Iterator[str]:
    """Serve fixed answers by `METHOD path`; yields the address."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.read_body()
            key = f"{self.command} {self.path.partition('?')[0]}"
            status, headers, body = answers.get(key, (404, JSON, {"reason": "not_found"}))
            if body == "echo":
                body = {**HEALTHY, "seen": dict(self.headers)}
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def read_body(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            chunked = self.headers.get("Transfer-Encoding") == "chunked"
            while chunked and self.rfile.read(int(self.rfile.readline(), 16) + 2) != b"\r\n":
                pass

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, *_: Any) -> None:
            """Keep the test output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
