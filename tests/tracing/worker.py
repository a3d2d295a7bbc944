"""A client or a worker of another process that traces what it does, for the tests of traces.

Usage: worker.py start|work SERVER_URL TOKEN COLLECTOR_URL
"""

import sys

import httpx
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

WORKER = {"worker_id": "w", "task_queue": "traced"}


def main() -> None:
    """Do one of both."""
    role, url, token, collector = sys.argv[1:]
    provider = TracerProvider(resource=Resource.create({"service.name": f"test-{role}"}))
    exporter = OTLPSpanExporter(endpoint=f"{collector}/v1/traces")
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    headers = {
        "Authorization": f"Bearer {token}",
        "X-Durable-Workflow-Control-Plane-Version": "2",
        "X-Durable-Workflow-Protocol-Version": "1.20",
    }
    with httpx.Client(base_url=f"{url}/api", headers=headers, timeout=60) as client:
        {"start": start, "work": work}[role](client, tracer)
    provider.shutdown()


def start(client: httpx.Client, tracer: trace.Tracer) -> None:
    """Start a workflow, inside a span."""
    with tracer.start_as_current_span("checkout"):
        told: dict[str, str] = {}
        propagate.inject(told)
        body = {"workflow_id": "order-42", "workflow_type": "order", "task_queue": "traced"}
        client.post("/workflows", json=body, headers=told).raise_for_status()


def work(client: httpx.Client, tracer: trace.Tracer) -> None:
    """Carry one workflow task and one activity out, each inside a span of the task's trace."""
    client.post("/worker/register", json={**WORKER, "runtime": "python"}).raise_for_status()
    for kind in ("workflow", "activity"):
        answer = client.post(f"/worker/{kind}-tasks/poll", json={**WORKER, "timeout_seconds": 30})
        task = answer.json()["task"]
        parent = propagate.extract(task["observability_context"]["carrier"])
        with tracer.start_as_current_span(f"{kind} task", context=parent):
            if kind == "workflow":
                report = {
                    "workflow_task_attempt": task["workflow_task_attempt"],
                    "commands": [{"type": "schedule_activity", "activity_type": "charge"}],
                }
            else:
                report = {"activity_attempt_id": task["activity_attempt_id"], "result": None}
            path = f"/worker/{kind}-tasks/{task['task_id']}/complete"
            client.post(path, json={"lease_owner": "w", **report}).raise_for_status()


if __name__ == "__main__":
    main()
