"""Tasks as a poll hands them out."""

from typing import Any

from durable_conformance.sdk import payloads
from durable_conformance.sdk.case import Case, Turn
from durable_conformance.sdk.history import History

_REASONS = (
    *("workflow_wait_kind", "open_wait_id", "resume_source_kind", "resume_source_id"),
    *("workflow_update_id", "workflow_signal_id", "signal_name", "signal_wait_id"),
    *("workflow_command_id", "activity_execution_id", "activity_attempt_id", "activity_type"),
    *("child_call_id", "child_workflow_run_id", "workflow_sequence", "workflow_event_type"),
    *("timer_id", "condition_wait_id", "condition_key", "condition_definition_fingerprint"),
)


def workflow_task(case: Case, turn: Turn, place: dict[str, str], history: History) -> Any:
    """A workflow task with its whole history."""
    count = len(history.events)
    return {
        **dict.fromkeys(_REASONS),
        "task_kind": "workflow",
        "workflow_id": place["workflow_id"],
        "run_id": place["run_id"],
        "namespace": place["namespace"],
        "workflow_type": case.type,
        "workflow_class": case.type,
        "payload_codec": history.codec,
        "arguments": payloads.envelope(case.input, history.codec),
        "run_status": "pending" if count == 2 else "waiting",
        "last_history_sequence": count,
        "total_history_events": count,
        "history_events": history.events,
        "next_history_page_token": None,
        "task_queue": place["task_queue"],
        "connection": None,
        "compatibility": None,
        **turn.task,
    }


def activity_task(case: Case, place: dict[str, str], codec: str) -> Any:
    """An activity task."""
    execution = f"{place['run_id']}-activity-1"
    task = {
        "workflow_id": place["workflow_id"],
        "run_id": place["run_id"],
        "namespace": place["namespace"],
        "activity_execution_id": execution,
        "activity_attempt_id": f"{execution}.1",
        "idempotency_key": execution,
        "attempt_number": 1,
        "activity_type": case.type,
        "payload_codec": codec,
        "arguments": payloads.envelope(case.input, codec),
        "task_queue": place["task_queue"],
    }
    if codec == "json":
        task["input"] = case.input
    return task


def query_task(case: Case, turn: Turn, place: dict[str, str], history: History) -> Any:
    """A query task with the whole history of its run."""
    arguments = turn.task.get("arguments", [])
    return {
        "workflow_id": place["workflow_id"],
        "run_id": place["run_id"],
        "namespace": place["namespace"],
        "workflow_type": case.type,
        "workflow_class": case.type,
        "query_name": case.name,
        "run_status": "waiting",
        "payload_codec": history.codec,
        "workflow_arguments": payloads.envelope(case.input, history.codec),
        "query_arguments": payloads.envelope(arguments, history.codec),
        "history_events": history.events,
        "last_history_sequence": len(history.events),
        "total_history_events": len(history.events),
        "task_queue": place["task_queue"],
    }
