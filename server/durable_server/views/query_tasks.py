"""Query tasks as workers are given them, and their answers as callers are told them."""

from typing import Any

import orjson

from durable_server import payloads
from durable_server.clock import to_micro_text
from durable_server.engine import trace_context
from durable_server.engine.query_task import QueryTask
from durable_server.engine.run_state import Event, Payload, Run
from durable_server.views.events import for_worker


def query_task(
    task: QueryTask, run: Run, given: Payload, events: list[Event], framing: str
) -> dict[str, Any]:
    """A query task with the whole history; plain values are encoded as its worker reads them."""
    arguments = payloads.render(given, run.framing or framing)
    asked_with = payloads.render(Payload(task.codec, task.arguments), framing)
    return {
        "query_task_id": task.query_task_id,
        "query_task_attempt": task.attempt,
        "workflow_id": run.workflow_id,
        "run_id": run.run_id,
        "namespace": run.namespace,
        "workflow_type": run.workflow_type,
        "workflow_class": run.workflow_type,
        "query_name": task.query_name,
        "payload_codec": arguments.codec if run.payload_codec == payloads.PLAIN else run.codec_name,
        "workflow_arguments": payloads.to_envelope(arguments),
        "query_arguments": payloads.to_envelope(asked_with),
        "run_status": run.status,
        "last_history_sequence": run.last_sequence,
        "history_events": [for_worker(event, run.namespace, run.framing) for event in events],
        "task_queue": task.task_queue,
        "lease_owner": task.lease_owner,
        **lease_times(task),
        **trace_context.shown(task.trace or run.trace),
    }


def lease_times(task: QueryTask) -> dict[str, Any]:
    """When the query was asked, and until when an answer is taken."""
    return {
        "lease_expires_at": to_micro_text(task.lease_expires_at or 0),
        "query_admitted_at": to_micro_text(task.created_at),
        "query_deadline_at": to_micro_text(task.deadline_at),
    }


def answer(task: QueryTask) -> dict[str, Any]:
    """What a worker answered, as it sent it."""
    envelope = None
    if task.result_codec is not None and task.result_blob is not None:
        envelope = payloads.to_envelope(Payload(task.result_codec, task.result_blob))
    return {
        "workflow_id": task.workflow_id,
        "run_id": task.run_id,
        "target_scope": "instance",
        "query_name": task.query_name,
        "result": None if task.result is None else orjson.Fragment(task.result),
        "result_envelope": envelope,
        "reason": None,
    }
