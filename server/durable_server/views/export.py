"""A run as one document that can be kept, verified and replayed elsewhere: the export bundle.

Everything in it is told from the history, so that a bundle agrees with itself; only what is open is
told from rows. The document is sent as the very text that its checksum was taken over, and the
checksum put behind.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from durable_server.clock import to_micro_text
from durable_server.engine import liveness
from durable_server.engine.run_state import Event, Run, RunDetails, Task
from durable_server.views import export_messages, export_payloads, export_steps
from durable_server.views.canonical import NAME as CANONICALIZATION
from durable_server.views.canonical import canonical
from durable_server.views.debug import failure_of
from durable_server.views.events import for_export
from durable_server.views.open_work import Open, micro
from durable_server.views.runs import BUCKETS

SCHEMA = "durable-workflow.v2.history-export"


class Exported(NamedTuple):
    """What was read of a run at one moment: the whole history, and what is open."""

    run: Run
    details: RunDetails
    current_run_id: str
    events: Sequence[Event]
    open: Open
    now: int


class SigningKey(NamedTuple):
    """The key that bundles are signed with; `name` tells readers which one it is."""

    secret: str
    name: str | None


def document(exported: Exported, key: SigningKey | None) -> bytes:
    """The bundle as it is sent."""
    text = canonical(bundle(exported))
    sealed = canonical(integrity(text, key))
    return f'{text[:-1]},"integrity":{sealed}}}'.encode()


def integrity(text: str, key: SigningKey | None) -> dict[str, Any]:
    """What readers hold the canonical text of a bundle against."""
    data = text.encode()
    signature = hmac.new(key.secret.encode(), data, hashlib.sha256).hexdigest() if key else None
    return {
        "canonicalization": CANONICALIZATION,
        "checksum_algorithm": "sha256",
        "checksum": hashlib.sha256(data).hexdigest(),
        "signature_algorithm": "hmac-sha256" if key else None,
        "signature": signature,
        "key_id": key.name if key else None,
    }


def bundle(exported: Exported) -> dict[str, Any]:
    """The bundle without its integrity."""
    run, details = exported.run, exported.details
    arguments = export_payloads.part(details.input, run.framing)
    events = [for_export(event, run.framing) for event in exported.events]
    _tell_input(events, arguments)
    held = export_messages.held_back((*exported.open.signals, *exported.open.updates), run.framing)
    told = [*events, *held]
    failures = [_failure(event) for event in exported.events if '"failure_id":' in event.payload]
    shown = {
        "schema": SCHEMA,
        "schema_version": 1,
        "exported_at": to_micro_text(exported.now),
        "dedupe_key": f"{run.run_id}:{run.last_sequence}:{to_micro_text(run.last_progress_at)}",
        "history_complete": run.closed,
        "workflow": _workflow(exported, events),
        "payloads": {
            "codec": run.codec_name,
            "arguments": arguments,
            "output": export_payloads.part(details.output, run.framing),
        },
        "summary": _summary(exported, failures),
        "selected_run": {
            "waits_projection_source": "run",
            "timeline_projection_source": "history",
            "timers_projection_source": "history",
            "timers_projection_rebuild_reasons": [],
            "lineage_projection_source": "history",
        },
        "history_events": events,
        "waits": run.waits,
        "timeline": [],
        "linked_intakes_scope": "selected_run",
        "linked_intakes": [],
        "commands": export_messages.commands(told, arguments),
        "signals": export_messages.signals(told),
        "updates": export_messages.updates(told),
        "tasks": [_task(task) for task in exported.open.tasks],
        "activities": export_steps.activities(events, run.task_queue),
        "timers": export_steps.timers(events),
        "failures": failures,
        "links": export_steps.links(events, run),
        "redaction": {"applied": False, "policy": None, "paths": []},
    }
    manifest = export_payloads.manifest(shown)
    schemas = export_payloads.codec_schemas(manifest["entries"])
    return {**shown, "payload_manifest": manifest, "codec_schemas": schemas}


def _tell_input(events: list[dict[str, Any]], arguments: dict[str, Any]) -> None:
    """Put the input where replayers look for it, so that a history replays by itself."""
    for event in events:
        if event["type"] == "WorkflowStarted":
            told = {"arguments": arguments["data"], "payload_codec": arguments["codec"]}
            event["payload"] = {**event["payload"], **told}
            return


def _workflow(exported: Exported, events: list[dict[str, Any]]) -> dict[str, Any]:
    run, details = exported.run, exported.details
    archived = [event["payload"] for event in events if event["type"] == "WorkflowArchived"]
    return {
        "instance_id": run.workflow_id,
        "run_id": run.run_id,
        "run_number": run.run_number,
        "current_run_id": exported.current_run_id,
        "current_run_source": "workflow",
        "workflow_type": run.workflow_type,
        "workflow_class": run.workflow_type,
        "memo": orjson.loads(details.memo or "{}"),
        "compatibility": run.build_id,
        "queue": run.task_queue,
        "last_history_sequence": run.last_sequence,
        "last_progress_at": to_micro_text(run.last_progress_at),
        **_standing(exported),
        "archive_command_id": archived[0].get("archive_command_id") if archived else None,
        "archive_reason": archived[0].get("reason") if archived else None,
    }


def _standing(exported: Exported) -> dict[str, Any]:
    """What a bundle says of a run twice: in `workflow` and in `summary`."""
    run = exported.run
    return {
        "status": run.status,
        "status_bucket": BUCKETS[run.status],
        "closed_reason": run.closed_reason,
        "business_key": run.business_key,
        "visibility_labels": {},
        "search_attributes": orjson.loads(exported.details.search_attributes or "{}"),
        "is_current_run": run.run_id == exported.current_run_id,
        "archived_at": micro(run.archived_at),
        "started_at": to_micro_text(run.started_at),
        "closed_at": micro(run.closed_at),
    }


def _summary(exported: Exported, failures: list[dict[str, Any]]) -> dict[str, Any]:
    run, rows = exported.run, exported.open
    work = liveness.work_of(rows.activities, rows.children)
    wait, alive = liveness.wait_of(run, work), liveness.liveness_of(run, work)
    tasks = sorted(rows.tasks, key=lambda each: (each.kind != "workflow", each.available_at))
    task = tasks[0] if tasks else None
    leased = task is not None and task.status == "leased"
    return {
        **_standing(exported),
        "duration_ms": (run.closed_at - run.started_at) // 1000 if run.closed_at else None,
        "wait_kind": wait.kind,
        "wait_reason": wait.reason,
        "next_task_at": task and to_micro_text(task.available_at),
        "next_task_id": task and task.task_id,
        "next_task_type": task and task.kind,
        "next_task_status": task and task.status,
        "next_task_lease_expires_at": micro(task.lease_expires_at) if task and leased else None,
        "liveness_state": alive.state,
        "liveness_reason": alive.reason,
        "repair_attention": alive.state == liveness.REPAIR_NEEDED,
        "task_problem": any(each.failure_count for each in rows.tasks),
        "exception_count": len(failures),
        "history_event_count": run.last_sequence,
        "history_size_bytes": run.history_bytes,
        "sort_timestamp": to_micro_text(run.started_at),
        "sort_key": f"{to_micro_text(run.started_at)}#{run.run_id}",
    }


def _task(task: Task) -> dict[str, Any]:
    leased = task.status == "leased"
    return {
        "id": task.task_id,
        "type": task.kind,
        "status": task.status,
        "payload": _reason(task),
        "queue": task.task_queue,
        "compatibility": task.build_id,
        "attempt_count": task.attempt,
        "available_at": to_micro_text(task.available_at),
        "leased_at": micro(task.leased_at) if leased else None,
        "lease_owner": task.lease_owner if leased else None,
        "lease_expires_at": micro(task.lease_expires_at) if leased else None,
        "last_claim_error": task.last_error,
        "created_at": to_micro_text(task.created_at),
    }


def _reason(task: Task) -> dict[str, Any]:
    """Why the task exists; the trace of whoever asked is no part of the run."""
    reason: dict[str, Any] = orjson.loads(task.resume) if task.resume else {}
    reason.pop("trace", None)
    return reason


def _failure(event: Event) -> dict[str, Any]:
    """A failure as the history tells it; its number is that of the event."""
    told = failure_of(event)
    return {
        "id": told.pop("failure_id", event.event_id),
        "handled": event.event_type != "WorkflowFailed",
        **told,
        **export_steps.AUTHORITY,
    }
