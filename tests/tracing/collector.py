"""A small collector: takes traces over OTLP and HTTP, as `otel/opentelemetry-collector` does."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.services import free_port


class Span(NamedTuple):
    """A span as it arrived; ids are hexadecimal."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    links: list[str]


class Collector:
    """Keeps the spans that it was sent."""

    def __init__(self, port: int) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self.paths: set[str] = set()
        self._spans: list[Span] = []
        self._lock = threading.Lock()

    def take(self, path: str, body: bytes) -> None:
        """Take what one request holds."""
        request = ExportTraceServiceRequest.FromString(body)
        found = [
            span
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in (_span(resource, each) for each in scope.spans)
        ]
        with self._lock:
            self.paths.add(path)
            self._spans += found

    def spans(self, name: str) -> list[Span]:
        """The spans of this name, in the order of their arrival."""
        with self._lock:
            return [each for each in self._spans if each.name == name]


def _span(resource: Any, span: Any) -> Span:
    told = {each.key: each.value.string_value for each in resource.resource.attributes}
    links = [each.span_id.hex() for each in span.links]
    ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
    return Span(told["service.name"], span.name, *ids, links)


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a port of its own."""
    port = free_port()
    collector = Collector(port)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            collector.take(self.path, body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            return

    httpd = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()
