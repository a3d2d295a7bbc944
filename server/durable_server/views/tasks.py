"""Leased tasks as the reply to a poll shows them."""

from typing import Any

import orjson

from durable_server import payloads
from durable_server.clock import to_micro_text, to_second_text
from durable_server.engine import activity_events, bounds, dialects, trace_context
from durable_server.engine.limits import Limits
from durable_server.engine.run_state import Activity, Run, Task
from durable_server.matching.channels import LeasedTask
from durable_server.views.events import history_fields, page_token

RESUME_FIELDS = (
    "workflow_wait_kind",
    "open_wait_id",
    "resume_source_kind",
    "resume_source_id",
    "workflow_update_id",
    "workflow_signal_id",
    "signal_name",
    "signal_wait_id",
    "workflow_command_id",
    "activity_execution_id",
    "activity_attempt_id",
    "activity_type",
    "child_call_id",
    "child_workflow_run_id",
    "workflow_sequence",
    "workflow_event_type",
    "timer_id",
    "condition_wait_id",
    "condition_key",
    "condition_definition_fingerprint",
)
_NO_REASON = dict.fromkeys(RESUME_FIELDS)


def workflow_task(
    leased: LeasedTask, accepted_encodings: str | None, limits: Limits
) -> dict[str, Any]:
    """A workflow task with the first page of its history, and how near that is to its budget."""
    task: Task = leased.task
    run: Run = leased.run
    arguments = payloads.render(leased.input, run.framing)
    shown = leased.events[-1].sequence if leased.events else 0
    reason = orjson.loads(task.resume) if task.resume else {}
    traces = _traces(task, run, reason) if run.trace is not None or "trace" in reason else {}
    return {
        "task_id": task.task_id,
        "task_kind": "workflow",
        "workflow_id": run.workflow_id,
        "run_id": run.run_id,
        "namespace": run.namespace,
        "workflow_type": run.workflow_type,
        "workflow_class": run.workflow_type,
        "workflow_task_attempt": task.attempt,
        "payload_codec": run.codec_name,
        "arguments": payloads.to_envelope(arguments),
        "run_status": run.status,
        "last_history_sequence": task.history_sequence,
        "total_history_events": task.history_sequence,
        **history_fields(leased.events, run, accepted_encodings),
        "next_history_page_token": page_token(shown) if shown < task.history_sequence else None,
        "task_queue": task.task_queue,
        "connection": None,
        "compatibility": task.build_id,
        "lease_owner": task.lease_owner,
        "lease_expires_at": to_micro_text(task.lease_expires_at or 0),
        **_budget(run, task, limits),
        **_NO_REASON,
        **traces,
        **reason,
    }


def _traces(task: Task, run: Run, reason: dict[str, Any]) -> dict[str, Any]:
    """The trace of the run, and that of the request that brought the task about."""
    asked = reason.pop("trace", None)
    shown = trace_context.shown(run.trace)
    if asked is not None:
        by, ids = reason["workflow_command_id"], (task.task_id, run.run_id, run.namespace)
        shown |= trace_context.link(*ids, by, asked)
    return shown


def _budget(run: Run, task: Task, limits: Limits) -> dict[str, Any]:
    fan_out = run.open_activities + run.open_timers + run.open_children
    dimensions = bounds.pressure(limits, task.history_sequence, run.history_bytes, fan_out)
    worst = max(dimensions.values(), key=bounds.PRESSURES.index)
    return {
        "history_size_bytes": run.history_bytes,
        "history_fan_out": fan_out,
        "continue_as_new_recommended": worst == bounds.RECOMMENDED,
        "history_budget_pressure": worst,
        "history_budget_pressure_dimensions": dimensions,
    }


def leased_activity(leased: LeasedTask, sdk_version: str | None) -> dict[str, Any]:
    """The reply to a poll that was given an activity; its time is that of the lease.

    Workers reckon how long the lease lasts from that time, so it must be told by the same clock.
    """
    since = to_micro_text(leased.task.leased_at)
    task = _activity_task(leased, sdk_version)
    return {"task": task, "poll_status": "leased", "server_time": since}


def _activity_task(leased: LeasedTask, sdk_version: str | None) -> dict[str, Any]:
    """An activity task; members that are not set are left out."""
    task: Task = leased.task
    run: Run = leased.run
    activity: Activity = leased.activity
    shown: dict[str, Any] = {
        "task_id": task.task_id,
        "workflow_id": run.workflow_id,
        "run_id": run.run_id,
        "namespace": run.namespace,
        "activity_execution_id": activity.activity_execution_id,
        "activity_attempt_id": activity_events.attempt_id(activity),
        "idempotency_key": activity.activity_execution_id,
        "attempt_number": activity.attempt,
        "activity_type": activity.activity_type,
        "payload_codec": activity.payload_codec,
        "task_queue": task.task_queue,
        "lease_owner": task.lease_owner,
        "lease_expires_at": to_micro_text(task.lease_expires_at or 0),
    }
    if leased.input is not None:
        shown["arguments"] = payloads.to_envelope(leased.input)
        if leased.input.codec == "json":
            # Workers without an SDK (curl, the founding walkthrough) read plain JSON.
            shown["input"] = payloads.decode(leased.input)
    if run.trace is not None:
        shown |= trace_context.shown(run.trace)
    if activity.options is not None:
        shown["retry_policy"] = orjson.loads(activity.options)
    deadlines = _deadlines(activity, sdk_version)
    if deadlines:
        shown["deadlines"] = deadlines
    return shown


def _deadlines(activity: Activity, sdk_version: str | None) -> dict[str, str]:
    text = to_micro_text if dialects.reads_exact_instants(sdk_version) else to_second_text
    instants = {
        "schedule_to_start": activity.schedule_to_start_at,
        "start_to_close": activity.start_to_close_at,
        "schedule_to_close": activity.schedule_to_close_at,
        "heartbeat": activity.heartbeat_at,
    }
    return {name: text(at) for name, at in instants.items() if at is not None}
