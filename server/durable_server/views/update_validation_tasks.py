"""Updates as the workers that judge them are given them."""

from typing import Any

from durable_server import payloads
from durable_server.clock import to_micro_text
from durable_server.engine import trace_context
from durable_server.engine.run_state import Payload
from durable_server.engine.update import JUDGED
from durable_server.views.events import for_worker


def shown(judgement: Any, framing: str) -> dict[str, Any]:
    """The answer to a poll that was given this; None when the update is over meanwhile."""
    if judgement is None:
        return {"task": None, "poll_status": "empty"}
    return {"task": _task(judgement, framing), "poll_status": "leased"}


def _task(judgement: Any, framing: str) -> dict[str, Any]:
    """The task with the whole history; plain values are encoded as its worker reads them."""
    task, asked, run = judgement.task, judgement.update, judgement.run
    arguments = payloads.render(judgement.details.input, run.framing or framing)
    asked_with = payloads.EMPTY_ARGUMENTS
    if asked.arguments is not None:
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
        "history_events": [
            for_worker(event, run.namespace, run.framing) for event in judgement.events
        ],
        "task_queue": task.task_queue,
        "lease_owner": task.lease_owner,
        "lease_expires_at": to_micro_text(task.lease_expires_at or 0),
        **trace_context.shown(asked.trace or run.trace),
    }
