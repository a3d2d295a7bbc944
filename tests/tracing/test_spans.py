"""What the spans of requests and batches tell, and what they keep to themselves."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from durable_server import app
from durable_server.telemetry.tracing import Tracing
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from tests.http.asking import CONTROL, TOKENS, WORKER, Asker, asking
from tests.support.services import wait_until

TRACE, SPAN = "a" * 32, "b" * 16
TRACED = {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "congo=t61rcWkgMzE"}
START = {"workflow_id": "order-42", "workflow_type": "order", "task_queue": "q"}
POLL = {"worker_id": "w", "task_queue": "q", "timeout_seconds": 0}


class Traced(NamedTuple):
    """A server, and the spans that it ended since it was last asked."""

    asker: Asker
    exporter: InMemorySpanExporter

    def spans(self, name: str) -> list[ReadableSpan]:
        return [each for each in self.exporter.get_finished_spans() if each.name == name]

    def span(self, name: str) -> ReadableSpan:
        # A lane ends the span of a batch after the answers are given.
        wait_until(lambda: len(self.spans(name)) > 0, f"a span {name}")
        (found,) = self.spans(name)
        return found


@pytest.fixture
def traced(tmp_path: Path) -> Iterator[Traced]:
    keys = {f"{role}_token": token for role, token in TOKENS.items()}
    with asking("sqlite", tmp_path, auth_driver="token", **keys) as asker:
        exporter, provider = InMemorySpanExporter(), TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        app.trace_with(asker.server, Tracing(provider))
        headers = {CONTROL: "2", WORKER: "1.20", "Authorization": f"Bearer {TOKENS['admin']}"}
        yield Traced(Asker(asker.server, app.build_asgi(asker.server), headers), exporter)


def told(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_request_is_a_span_in_the_trace_of_its_caller(traced: Traced) -> None:
    headers = {**TRACED, "User-Agent": "curl/8"}
    answer = traced.asker.ask("POST", "/api/workflows?a=1", START, headers)

    span = traced.span("workflows.start")
    assert span.kind is SpanKind.SERVER
    assert span.parent is not None and span.context is not None
    assert (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, SPAN)
    assert span.context.trace_state.to_header() == TRACED["tracestate"]
    assert told(span) == {
        "http.request.method": "POST",
        "http.route": "/api/workflows",
        "http.response.status_code": 201,
        "url.path": "/api/workflows",
        "url.scheme": "http",
        "user_agent.original": "curl/8",
        "durable.namespace": "default",
        "durable.request_id": answer.headers["x-request-id"],
    }
    assert span.end_time and span.start_time and span.end_time >= span.start_time


def test_workers_go_on_below_the_span_of_the_start(traced: Traced) -> None:
    worker = {"Authorization": f"Bearer {TOKENS['worker']}"}
    traced.asker.ask("POST", "/api/worker/register", {**POLL, "runtime": "python"}, worker)
    traced.asker.ask("POST", "/api/workflows", START, TRACED)

    task = traced.asker.ask("POST", "/api/worker/workflow-tasks/poll", POLL, worker).body["task"]

    context = traced.span("workflows.start").context
    assert context is not None
    assert task["observability_context"]["carrier"] == {
        "traceparent": f"00-{TRACE}-{context.span_id:016x}-01",
        "tracestate": TRACED["tracestate"],
    }


def test_a_batch_is_a_span_below_the_first_of_its_requests(traced: Traced) -> None:
    traced.asker.ask("POST", "/api/workflows", START, TRACED)

    batch, request = traced.span("lane.batch"), traced.span("workflows.start")
    assert batch.parent is not None and request.context is not None
    assert batch.parent.span_id == request.context.span_id
    assert told(batch) == {"durable.lane": "lane-0", "durable.batch.items": 1}
    assert request.start_time and batch.start_time and request.start_time <= batch.start_time


def test_a_batch_of_several_requests_has_links_to_the_others(traced: Traced) -> None:
    lanes, held = traced.asker.server.lanes, threading.Event()
    # Everything that comes while the lane is held is one batch.
    lanes.write(lambda transaction: held.wait(30))

    async def at_once() -> None:
        asked = [
            asyncio.create_task(
                traced.asker.exchange("POST", "/api/workflows", {**START, "workflow_id": f"w{n}"})
            )
            for n in range(3)
        ]
        while len(lanes.lanes[0]) < len(asked):
            await asyncio.sleep(0)
        held.set()
        await asyncio.gather(*asked)

    traced.asker.runner.run(at_once())

    starts = {each.context.span_id for each in traced.spans("workflows.start") if each.context}
    batch = traced.span("lane.batch")
    assert batch.parent is not None
    assert {batch.parent.span_id, *(link.context.span_id for link in batch.links)} == starts
    assert len(batch.links) == 2


def test_a_refusal_tells_its_reason_and_is_no_error(traced: Traced) -> None:
    traced.asker.ask("GET", "/api/workflows/nobody", headers=TRACED)

    span = traced.span("workflows.describe")
    assert told(span)["durable.refusal.reason"] == "instance_not_found"
    assert told(span)["http.response.status_code"] == 404
    assert span.status.status_code is StatusCode.UNSET


def test_a_stranger_and_an_unknown_path_have_spans_too(traced: Traced) -> None:
    traced.asker.ask("GET", "/api/workflows", headers={**TRACED, "Authorization": "Bearer no"})
    traced.asker.ask("GET", "/api/nowhere", headers=TRACED)

    stranger, nowhere = traced.span("workflows.list"), traced.span("GET")
    assert told(stranger)["durable.refusal.reason"] == "unauthorized"
    assert "durable.namespace" not in told(stranger)
    assert told(nowhere)["durable.refusal.reason"] == "not_found"
    assert stranger.parent is not None and f"{stranger.parent.trace_id:032x}" == TRACE


def test_a_bug_is_an_error(traced: Traced) -> None:
    server = traced.asker.server
    readers, server.reads = server.reads, None
    try:
        answer = traced.asker.ask("GET", "/api/workflows/order-42")
    finally:
        server.reads = readers

    span = traced.span("workflows.describe")
    assert answer.status == 500
    assert span.status.status_code is StatusCode.ERROR
    assert told(span)["error.type"] == "server_error"


def test_no_span_tells_payloads_queries_or_credentials(traced: Traced) -> None:
    secret = "4111-1111-1111"
    traced.asker.ask("POST", "/api/workflows", {**START, "input": [secret], "memo": {"m": secret}})
    traced.asker.ask("GET", f"/api/workflows?query={secret}")
    traced.asker.ask("POST", "/api/workflows/order-42/signal/paid", {"input": [secret]})

    text = "".join(span.to_json() for span in traced.exporter.get_finished_spans())
    assert "signals.signal" in text
    assert secret not in text
    assert TOKENS["admin"] not in text


def test_the_same_request_untraced_has_no_span_and_keeps_its_context(tmp_path: Path) -> None:
    with asking("sqlite", tmp_path) as asker:
        assert asker.server.tracing is None
        asker.ask("POST", "/api/worker/register", {**POLL, "runtime": "python"})
        asker.ask("POST", "/api/workflows", START, TRACED)
        task = asker.ask("POST", "/api/worker/workflow-tasks/poll", POLL).body["task"]

    assert task["observability_context"]["carrier"] == TRACED
