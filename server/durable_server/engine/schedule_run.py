"""The runs that schedules start: how one begins, and how its schedule hears of its end.

The start travels as a message with the ids that the run is to have, so that one delivered twice
begins one run. A run keeps who started it where a child keeps its parent.
"""

from typing import Any

import orjson

from durable_server import payloads
from durable_server.clock import to_micro_text
from durable_server.engine import start as starting
from durable_server.engine.decision import Decision, Draft, Moment
from durable_server.engine.run_state import RunState
from durable_server.engine.start import Start

TASK_QUEUE_DEFAULT = "default"
STARTED_BY: dict[str, Any] = {
    "caller_label": "Schedule",
    "auth_status": "not_applicable",
    "auth_method": "none",
}


def start(state: RunState | None, moment: Moment, body: dict[str, Any]) -> Decision | None:
    """Begin the run that a schedule asked for; a message that comes again changes nothing."""
    if state is not None:
        return None
    draft = starting.begin(_start_of(body), moment, None)
    draft.append("ScheduleTriggered", body["triggered"])
    return draft.done()


def report_end(draft: Draft, schedule: dict[str, Any]) -> None:
    """Tell the schedule that started the run's workflow how it has ended."""
    run = draft.run
    body = {
        "namespace": run.namespace,
        "schedule_id": schedule["schedule_id"],
        "uid": schedule["uid"],
        "workflow_id": run.workflow_id,
        "run_id": run.run_id,
        "status": run.status,
        "closed_at": to_micro_text(draft.now),
    }
    draft.send("scheduled_run_closed", schedule["shard"], schedule["uid"], body)


def _start_of(body: dict[str, Any]) -> Start:
    action, triggered = body["action"], body["triggered"]
    return Start(
        shard=body["shard"],
        run_id=body["run_id"],
        namespace=body["namespace"],
        workflow_id=body["workflow_id"],
        workflow_type=action["workflow_type"],
        task_queue=action.get("task_queue") or TASK_QUEUE_DEFAULT,
        input=payloads.arguments_of(action.get("input")),
        build_id=body.get("build_id"),
        business_key=None,
        memo=body["memo"],
        search_attributes=body["search_attributes"],
        duplicate_policy="fail",
        execution_timeout_seconds=action.get("execution_timeout_seconds"),
        run_timeout_seconds=action.get("run_timeout_seconds"),
        command={"source": "schedule", **STARTED_BY},
        parent=orjson.dumps(
            {
                "schedule_id": triggered["schedule_id"],
                "uid": triggered["schedule_ulid"],
                "shard": body["schedule_shard"],
            }
        ).decode(),
    )
