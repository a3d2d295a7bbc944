"""Traces: a span for each request and for each batch of a lane, sent with OpenTelemetry.

Imported only where traces are wanted, since the library is an optional extra. No span carries a
payload, a query string or a credential.
"""

import logging
from contextvars import ContextVar
from typing import Any

from durable_contracts.bundle import Operation
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from durable_server.clock import monotonic_seconds, now_nanoseconds
from durable_server.engine import trace_context
from durable_server.observer import Carried, Observer

log = logging.getLogger(__name__)

LINKS_MAX = 128
_W3C = TraceContextTextMapPropagator()
_current: ContextVar[Span | None] = ContextVar("durable_span", default=None)


def exporting(endpoint: str, service_name: str, instance_id: str) -> TracerProvider:
    """Spans go to a collector, in the background."""
    given = {"service.name": service_name, "service.instance.id": instance_id}
    # Resource.create reads OTEL_RESOURCE_ATTRIBUTES too.
    provider = TracerProvider(resource=Resource.create(given), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    log.info("traces are sent", extra={"endpoint": endpoint.partition("?")[0]})
    return provider


class Tracing(Observer):
    """Begins and ends spans; `begin` and `end` are called by the edge, the rest by lanes."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("durable_server")

    def begin(
        self, request: Any, operation: Operation, namespace: str, body: dict[str, Any]
    ) -> str | None:
        """Begin the span of a request that has passed the gates; returns its context to keep."""
        given = trace_context.of_headers(request.headers)
        given = given or trace_context.of_body(body.get("observability_context"))
        request.span = span = self._span(request, operation, given)
        span.set_attribute("durable.namespace", namespace)
        _current.set(span)
        fields: dict[str, str] = {} if given is None else trace_context.fields_of(given)
        baggage = fields.get("baggage")
        told: dict[str, str] = {}
        _W3C.inject(told, trace.set_span_in_context(span, Context()))
        return trace_context.carrier(told.get("traceparent"), told.get("tracestate"), baggage)

    def end(
        self, request: Any, operation: Operation | None, status: int, reason: str | None
    ) -> None:
        """End the span of a request; one that passed no gate has it here."""
        span = request.span
        if span is None:
            given = trace_context.of_headers(request.headers)
            span = self._span(request, operation, given)
        _current.set(None)
        span.set_attribute("http.response.status_code", status)
        if status >= 400:
            span.set_attribute("durable.refusal.reason", reason or "other")
        if status >= 500:
            # As HTTP servers do: what the client did wrong is no error of the server.
            span.set_attribute("error.type", reason or str(status))
            span.set_status(StatusCode.ERROR)
        span.end()

    def _span(self, request: Any, operation: Operation | None, given: str | None) -> Span:
        since = monotonic_seconds() - request.begun_at
        parent = Context()
        if given is not None:
            parent = _W3C.extract(trace_context.fields_of(given), parent)
        attributes = {
            "http.request.method": request.method,
            "url.path": request.raw_path.decode("latin-1"),
            "url.scheme": "http",
            "durable.request_id": request.request_id,
        }
        if operation is not None:
            attributes["http.route"] = operation.path
        agent = request.headers.get(b"user-agent")
        if agent is not None:
            attributes["user_agent.original"] = agent.decode("latin-1")[:255]
        return self._tracer.start_span(
            operation.operation_id if operation is not None else request.method,
            parent,
            SpanKind.SERVER,
            attributes,
            start_time=now_nanoseconds() - int(since * 1e9),
        )

    def marked(self, put: Any) -> Any:
        """`put` of lanes, which remembers which request an intent is of."""

        def put_marked(intent: Any) -> Any:
            span = _current.get()
            if span is not None:
                pending = getattr(intent, "pending", None)
                if pending is not None:
                    pending.origin = span
            return put(intent)

        return put_marked

    def carried_out(self, carried: Carried) -> None:
        """A span for a batch that carried out traced requests: in the trace of the first of them,
        with links to the others.
        """
        origins = [answer[0].origin for answer in carried.answers]
        spans = list({id(each): each for each in origins if each is not None}.values())
        if not spans:
            return
        ended_at = now_nanoseconds()
        span = self._tracer.start_span(
            "lane.batch",
            trace.set_span_in_context(spans[0], Context()),
            SpanKind.INTERNAL,
            {"durable.lane": carried.lane, "durable.batch.items": carried.items},
            links=[Link(each.get_span_context()) for each in spans[1 : LINKS_MAX + 1]],
            start_time=ended_at - int(carried.seconds * 1e9),
        )
        span.end(ended_at)

    def stop(self) -> None:
        """Send what is left."""
        self._provider.shutdown()
