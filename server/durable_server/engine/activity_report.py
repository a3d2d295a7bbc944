"""What a worker reports of an activity attempt: success, failure, a heartbeat.

The fence is the attempt. A lease that has merely run out does not refuse a report, as long as
nobody else was given the activity: that avoids needless work.
"""

from typing import Any, NamedTuple

import orjson

from durable_server import payloads
from durable_server.clock import SECOND, to_micro_text
from durable_server.engine import activity_events, activity_task
from durable_server.engine.decision import Decision, Draft, Moment
from durable_server.engine.progress import normalised_progress
from durable_server.engine.retry import options_of
from durable_server.engine.run_state import Activity, Payload, Run, RunState, Task
from durable_server.refusal import Refusal

STOPPED = frozenset({"cancelled", "terminated"})


class Report(NamedTuple):
    """Who reports, on which attempt; `outcome` is what the report tries to record."""

    task_id: str
    activity_attempt_id: str
    lease_owner: str
    outcome: str
    digest: str

    @property
    def activity_execution_id(self) -> str:
        """The activity that the attempt belongs to."""
        return self.activity_attempt_id.rpartition(".")[0]

    @property
    def attempt(self) -> int:
        """The number of the attempt; 0 when the id is none of ours."""
        number = self.activity_attempt_id.rpartition(".")[2]
        return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0

    def echoed(self) -> dict[str, Any]:
        """The ids that every reply repeats."""
        return {"task_id": self.task_id, "activity_attempt_id": self.activity_attempt_id}


def complete(state: RunState | None, moment: Moment, report: Report, result: Payload) -> Decision:
    """Record that an activity has succeeded; a repeat gets the same answer."""
    state, activity = _guard(state, report)
    repeated = _repeated(state, moment, activity, report)
    if repeated is not None:
        return repeated
    _check_current(state, activity, report)
    encoded = payloads.render(result, state.run.framing)
    limit = moment.limits.payload_bytes_max
    if 0 < limit < len(encoded.blob):
        draft = activity_task.fail_finally(state, moment, activity, _too_large(encoded, limit))
    else:
        draft = activity_task.complete(state, moment, activity, encoded)
    return _recorded(draft, activity, report, draft.run.task_id)


def fail(
    state: RunState | None, moment: Moment, report: Report, failure: dict[str, Any]
) -> Decision:
    """Record that an attempt has failed: another one is scheduled, or the activity has failed."""
    state, activity = _guard(state, report)
    repeated = _repeated(state, moment, activity, report)
    if repeated is not None:
        return repeated
    _check_current(state, activity, report)
    draft, retry_task_id = activity_task.fail(state, moment, activity, failure)
    return _recorded(draft, activity, report, retry_task_id or draft.run.task_id)


def heartbeat(
    state: RunState | None, moment: Moment, report: Report, progress: dict[str, Any]
) -> Decision:
    """Extend the lease of an attempt that may go on, or tell its worker to stop."""
    state, activity = _guard(state, report)
    draft = Draft(state, moment)
    last = activity.last_heartbeat_at
    answer: dict[str, Any] = {
        **report.echoed(),
        "lease_owner": report.lease_owner,
        "cancel_requested": False,
        "can_continue": False,
        "reason": None,
        "run_closed_reason": None,
        "run_closed_at": None,
        "heartbeat_recorded": False,
        "lease_expires_at": None,
        "last_heartbeat_at": None if last is None else to_micro_text(last),
    }
    stop = _stop(state.run, activity, report)
    if stop:
        return draft.done({**answer, **stop})
    expires_at = moment.now + moment.limits.activity_task_lease_seconds * SECOND
    timeout = options_of(activity.options).heartbeat_timeout
    beating = activity_task.with_due(
        activity._replace(
            last_heartbeat_at=moment.now,
            heartbeat_at=moment.now + timeout * SECOND if timeout else None,
        )
    )
    draft.put_activity(beating)
    draft.put_task(_task(state, activity)._replace(lease_expires_at=expires_at))
    payload = activity_events.heartbeat_recorded(beating, expires_at, normalised_progress(progress))
    draft.append("ActivityHeartbeatRecorded", payload, task_id=beating.task_id)
    return draft.done(
        {
            **answer,
            "can_continue": True,
            "heartbeat_recorded": True,
            "lease_expires_at": to_micro_text(expires_at),
            "last_heartbeat_at": to_micro_text(moment.now),
        }
    )


def renew(state: RunState | None, moment: Moment, report: Report) -> Decision:
    """Extend the lease of an attempt whose worker lives; tells of no progress and revives nothing.

    A worker that is told no must give the attempt up.
    """
    state, activity = _guard(state, report)
    draft = Draft(state, moment)
    answer: dict[str, Any] = {
        "workflow_task_id": report.task_id,
        "workflow_instance_id": state.run.workflow_id,
        "workflow_run_id": state.run.run_id,
        "activity_execution_id": activity.activity_execution_id,
        "activity_attempt_id": report.activity_attempt_id,
        "attempt_number": report.attempt,
        "lease_owner": report.lease_owner,
        "lease_renewed": False,
        "can_continue": False,
        "cancel_requested": False,
        "heartbeat_recorded": False,
        "reason": None,
        "server_time": to_micro_text(moment.now),
        "lease_expires_at": None,
        "last_heartbeat_at": _micro(activity.last_heartbeat_at),
        "heartbeat_deadline_at": _micro(activity.heartbeat_at),
    }
    stop = _stop(state.run, activity, report)
    if stop:
        told = {name: stop[name] for name in ("cancel_requested", "reason") if name in stop}
        return draft.done({**answer, **told})
    task = _task(state, activity)
    ended = task.lease_expires_at or 0
    if ended <= moment.now:
        return draft.done({**answer, "reason": "lease_expired"})
    expires_at = max(ended, moment.now + moment.limits.activity_task_lease_seconds * SECOND)
    draft.put_task(task._replace(lease_expires_at=expires_at))
    renewed = {"lease_renewed": True, "can_continue": True}
    return draft.done({**answer, **renewed, "lease_expires_at": to_micro_text(expires_at)})


def _micro(instant: int | None) -> str | None:
    return None if instant is None else to_micro_text(instant)


def _guard(state: RunState | None, report: Report) -> tuple[RunState, Activity]:
    task = state.tasks.get(report.task_id) if state is not None else None
    if state is None or task is None or task.kind != "activity":
        raise Refusal("task_not_found.activity", **report.echoed())
    activity = state.activities.get(report.activity_execution_id)
    if activity is None or not 0 < report.attempt <= activity.attempt:
        raise Refusal("attempt_not_found", **report.echoed())
    if task.activity_execution_id != activity.activity_execution_id:
        raise Refusal("task_mismatch", **report.echoed())
    current = report.attempt == activity.attempt and activity.lease_owner is not None
    if current and activity.lease_owner != report.lease_owner:
        raise Refusal(
            "lease_owner_mismatch.activity", **report.echoed(), lease_owner=activity.lease_owner
        )
    return state, activity


def _repeated(
    state: RunState, moment: Moment, activity: Activity, report: Report
) -> Decision | None:
    if activity.answer is None or activity.digest != report.digest:
        return None
    if report.attempt != activity.attempt:
        return None
    return Draft(state, moment).done(orjson.loads(activity.answer))


def _check_current(state: RunState, activity: Activity, report: Report) -> None:
    facts = {**report.echoed(), "recorded": False, "next_task_id": None}
    run = state.run
    if run.status in STOPPED:
        task = _task(state, activity)
        raise Refusal(
            f"run_{run.status}",
            **facts,
            outcome="ignored",
            cancel_requested=True,
            can_continue=False,
            run_status=run.status,
            run_closed_reason=run.closed_reason,
            run_closed_at=to_micro_text(run.closed_at) if run.closed_at else None,
            activity_status=activity.status,
            attempt_status="cancelled",
            task_status=task.status,
            lease_owner=report.lease_owner,
            lease_expires_at=None,
        )
    if report.attempt != activity.attempt or activity.status != "running":
        raise Refusal("stale_attempt", **facts, outcome=report.outcome)


def _stop(run: Run, activity: Activity, report: Report) -> dict[str, Any] | None:
    """Why this attempt must not go on, or None when it may."""
    closed = {
        "run_closed_reason": run.closed_reason,
        "run_closed_at": to_micro_text(run.closed_at) if run.closed_at else None,
    }
    if run.status in STOPPED:
        return {"cancel_requested": True, "reason": f"run_{run.status}", **closed}
    if report.attempt != activity.attempt:
        return {"reason": "stale_attempt"}
    if activity.status == "cancelled":
        return {"cancel_requested": True, "reason": "activity_cancelled", **closed}
    if run.closed:
        return {"reason": "run_closed", **closed}
    if activity.status != "running":
        return {"reason": "attempt_closed" if activity.closed_at else "stale_attempt"}
    return None


def _task(state: RunState, activity: Activity) -> Task:
    return state.tasks[activity.task_id or ""]


def _recorded(
    draft: Draft, activity: Activity, report: Report, next_task_id: str | None
) -> Decision:
    answer = {
        **report.echoed(),
        "outcome": report.outcome,
        "recorded": True,
        "reason": None,
        "next_task_id": next_task_id,
    }
    latest = draft.activity(activity.activity_execution_id)
    text = orjson.dumps(answer).decode()
    draft.put_activity(latest._replace(digest=report.digest, answer=text))
    return draft.done(answer)


def _too_large(result: Payload, limit: int) -> dict[str, Any]:
    size = len(result.blob)
    return {
        "type": "StructuralLimitExceeded",
        "category": "structural_limit",
        "message": f"Structural limit exceeded: payload_size {size} of {limit} bytes.",
        "non_retryable": True,
    }
