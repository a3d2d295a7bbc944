"""Updates as the workers that judge them are given them."""

from typing import Any

from durable_server import payloads
from durable_server.clock import to_micro_text
from durable_server.engine.run_state import Event, Payload, Run, Task, Update
from durable_server.engine.update import JUDGED
from durable_server.views.events import for_worker


def update_validation_task(
    task: Task, asked: Update, run: Run, given: Payload, events: list[Event], framing: str
) -> dict[str, Any]:
    """A judgement with the whole history; plain values are encoded as its worker reads them."""
    arguments = payloads.render(given, run.framing or framing)
    asked_with = payloads.EMPTY_ARGUMENTS
    if asked.arguments is not None and asked.codec is not None:
        asked_with = Payload(asked.codec, asked.arguments)
    return {
        "task_kind": JUDGED,
        "update_validation_task_id": task.task_id,
        "update_validation_attempt": task.attempt,
        "workflow_id": run.workflow_id,
        "run_id": run.run_id,
        "namespace": run.namespace,
        "workflow_type": run.workflow_type,
        "update_name": asked.name,
        "payload_codec": arguments.codec if run.payload_codec == payloads.PLAIN else run.codec_name,
        "workflow_arguments": payloads.to_envelope(arguments),
        "update_arguments": payloads.to_envelope(payloads.render(asked_with, framing)),
        "run_status": run.status,
        "last_history_sequence": run.last_sequence,
        "history_events": [for_worker(event, run.namespace, run.framing) for event in events],
        "task_queue": task.task_queue,
        "lease_owner": task.lease_owner,
        "lease_expires_at": to_micro_text(task.lease_expires_at or 0),
    }
