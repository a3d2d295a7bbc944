"""Schedules that fire: for occurrences that are due, by hand, for a range of the past.

Theory of operation. A row that is due is locked, decided and moved on to its next occurrence in one
transaction, which also puts the start of the workflow into the outbox. Whoever comes second finds
nothing due; whoever loses the connection finds its own trace. What is missed while no server runs
is made up for by one firing, or, with a catch-up window, by one for each occurrence in it.

Whether the newest workflow still runs is read from its run. One whose run is not there yet is on
its way, and counts as running: a run tells its schedule of its end, and only then may it be gone.
"""

import itertools
from typing import Any, NamedTuple

import orjson

from durable_server.clock import SECOND, to_second_text
from durable_server.engine.decision import Moment
from durable_server.engine.schedule_spec import spec_of
from durable_server.engine.schedule_state import (
    BUFFER_MAX,
    RECENT_MAX,
    Schedule,
    ScheduleDecision,
    ScheduleDraft,
    buffered,
    existing,
    fragment,
    recent,
    text,
    text_of,
    workflow_id_of,
)
from durable_server.engine.schedule_times import Firing, Timing, timing_of
from durable_server.refusal import Refusal
from durable_server.shards import shard_of

CATCH_UP_MAX = 10
BACKFILL_MAX = 1000
BACKFILL_BYTES_MAX = 32 * 1024 * 1024
BUFFERING = ("buffer_one", "buffer_all")
STOPPING = {"cancel_other": "cancel", "terminate_other": "terminate"}
FULL = "Previous workflow is still running and buffer is at capacity."
DAY = 86_400 * SECOND


class Around(NamedTuple):
    """What other rows say: whether the newest workflow of a schedule has closed, and which build
    new runs of its task queue are for, if any.
    """

    workflow_id: str | None
    closed: bool
    build_id: str | None = None


class Cause(NamedTuple):
    """Why the schedule is to act. `name` makes the id of the workflow; `outcome` is what is told
    of a start; `due_at` when the firing was due, if it follows from the spec.
    """

    name: str
    policy: str
    outcome: str
    occurrence_at: int | None = None
    due_at: int | None = None


class Trigger(NamedTuple):
    """A client's wish to have the schedule fire now. `name` is new with each request."""

    name: str
    policy: str | None
    context: dict[str, Any]


class Backfill(NamedTuple):
    """A client's wish to have occurrences from `start` on and before `end` made up for."""

    start: int
    end: int
    trigger: Trigger


def fire(found: Schedule | None, moment: Moment, around: Around) -> ScheduleDecision | None:
    """Do what is due: fire, and plan the next firing; or remove what was deleted long ago."""
    now = moment.now
    if found is None or found.due_at is None or found.due_at > now or found.status == "paused":
        return None
    if found.deleted:
        return ScheduleDecision(found, removed=True)
    draft, timing = ScheduleDraft(found, moment), timing_of(found)
    for _ in range(CATCH_UP_MAX):
        schedule = draft.schedule
        if schedule.deleted or schedule.due_at is None or schedule.due_at > now:
            break
        firing = _fire_once(draft, around, timing)
        if not draft.schedule.deleted:
            at, due_at = (None, None) if firing is None else firing
            draft.change(occurrence_at=at, due_at=due_at)
    return draft.done()


def _fire_once(draft: ScheduleDraft, around: Around, timing: Timing) -> Firing | None:
    """Act for the planned occurrence, unless it is too old; gives the firing that follows."""
    schedule, now = draft.schedule, draft.now
    at, window = schedule.occurrence_at or 0, schedule.catch_up_window_seconds
    if window is not None and now - at > window * SECOND:
        _skip(draft, "catch_up_window_exceeded")
        return timing.after(now - window * SECOND - 1)
    cause = Cause(f"fire/{at}", schedule.overlap_policy, "scheduled", at, schedule.due_at)
    _act(draft, around, cause)
    following = timing.after(at)
    if window is None and following is not None and following.due_at <= now:
        # One firing makes up for all that was missed.
        return timing.after(now)
    return following


def trigger(
    found: Schedule | None, moment: Moment, around: Around, wanted: Trigger
) -> ScheduleDecision:
    """Fire now, whatever the spec says, as the overlap policy allows."""
    schedule = existing(found)
    workflow_id = workflow_id_of(schedule.uid, wanted.name)
    for entry in recent(schedule):
        if entry["workflow_id"] == workflow_id:
            started = {"workflow_id": workflow_id, "run_id": entry["run_id"]}
            return ScheduleDecision(schedule, _answer(schedule, "triggered", **started))
    draft = ScheduleDraft(schedule, moment, wanted.context)
    if schedule.status != "active":
        _skip(draft, "status_not_triggerable")
        return draft.done(_answer(schedule, "skipped", reason="status_not_triggerable"))
    cause = Cause(wanted.name, wanted.policy or schedule.overlap_policy, "scheduled")
    return draft.done(_answer(schedule, **_act(draft, around, cause)))


def backfill(
    found: Schedule | None, moment: Moment, around: Around, wanted: Backfill
) -> ScheduleDecision:
    """Fire for each occurrence of a range, in order, until no actions remain."""
    schedule = existing(found)
    name, policy, context = wanted.trigger
    policy = policy or schedule.overlap_policy
    policy = "allow_all" if policy in BUFFERING else policy
    occurrences = _occurrences(schedule, wanted)
    draft, results = ScheduleDraft(schedule, moment, context), []
    for at in occurrences:
        if draft.schedule.deleted:
            break
        cause = Cause(f"{name}/{at}", policy, "backfilled", at)
        told = _act(draft, around, cause)
        result = {"fire_time": to_second_text(at), "outcome": "skipped"}
        if told["outcome"] == "triggered":
            result.update(outcome="started", workflow_id=told["workflow_id"])
        else:
            result["reason"] = told["reason"]
        results.append(result)
    told = {"fires_attempted": len(results), "results": results}
    return draft.done(_answer(schedule, "backfill_started", **told))


def run_closed(
    found: Schedule | None, moment: Moment, around: Around, body: dict[str, Any]
) -> ScheduleDecision | None:
    """Note how a workflow of the schedule ended, and start what waits for that."""
    if found is None or found.deleted or found.uid != body["uid"]:
        return None
    draft = ScheduleDraft(found, moment)
    entries = recent(found)
    for entry in entries:
        if entry["workflow_id"] == body["workflow_id"]:
            entry.update(status=body["status"], closed_at=body["closed_at"])
    draft.schedule = found._replace(recent=text(entries))
    if found.latest_workflow_id == body["workflow_id"]:
        draft.schedule = draft.schedule._replace(latest_open=False)
    drain(draft, around)
    return None if draft.schedule == found else draft.done()


def drain(draft: ScheduleDraft, around: Around) -> None:
    """Start the first of what is buffered if nothing keeps it waiting any more."""
    waiting = buffered(draft.schedule)
    if not waiting or draft.schedule.status != "active" or _is_open(draft, around):
        return
    first, *rest = waiting
    draft.change(buffer=text(rest))
    policy = draft.schedule.overlap_policy
    cause = Cause(first["cause"], policy, "drained", first.get("occurrence_at"))
    _start(draft, around, cause)


def end(draft: ScheduleDraft, reason: str) -> None:
    """Leave nothing of the schedule but its history, until that is removed, too."""
    kept = draft.moment.limits.schedule_history_days * DAY
    draft.change(
        status="deleted",
        deleted_at=draft.now,
        due_at=draft.now + kept,
        occurrence_at=None,
        buffer="[]",
    )
    draft.record("ScheduleDeleted", {"reason": reason, "deleted_at": text_of(draft.now)})


def _occurrences(schedule: Schedule, wanted: Backfill) -> list[int]:
    size = len(schedule.action) + len(schedule.memo or "") + len(schedule.search_attributes or "")
    limit = max(1, min(BACKFILL_MAX, BACKFILL_BYTES_MAX // size))
    found = spec_of(schedule.spec).within(wanted.start, wanted.end)
    occurrences = list(itertools.islice(found, limit + 1))
    if len(occurrences) > limit:
        raise Refusal("backfill_too_large", limit=limit)
    return occurrences


def _act(draft: ScheduleDraft, around: Around, cause: Cause) -> dict[str, Any]:
    """Start, buffer or skip, as the overlap policy says; gives what is told of it."""
    is_open = _is_open(draft, around)
    if cause.policy in BUFFERING and (is_open or buffered(draft.schedule)):
        return _buffer(draft, around, cause)
    if is_open and cause.policy == "skip":
        _skip(draft, "overlap_policy_skip")
        return {"outcome": "skipped", "reason": "overlap_policy_skip"}
    if is_open and cause.policy in STOPPING:
        _stop_latest(draft, cause.policy)
    return _start(draft, around, cause)


def _is_open(draft: ScheduleDraft, around: Around) -> bool:
    """Whether the newest workflow runs, or is on its way."""
    schedule = draft.schedule
    if schedule.latest_workflow_id == around.workflow_id and around.closed:
        return False
    return schedule.latest_open


def _buffer(draft: ScheduleDraft, around: Around, cause: Cause) -> dict[str, Any]:
    waiting = buffered(draft.schedule)
    limit = 1 if cause.policy == "buffer_one" else BUFFER_MAX
    if len(waiting) >= limit:
        _skip(draft, "buffer_full")
        return {"outcome": "buffer_full", "reason": FULL}
    entry: dict[str, Any] = {"cause": cause.name, "buffered_at": to_second_text(draft.now)}
    if cause.occurrence_at is not None:
        entry["occurrence_at"] = cause.occurrence_at
    draft.change(buffer=text([*waiting, entry]))
    drain(draft, around)
    return {"outcome": "buffered", "buffer_depth": len(waiting) + 1}


def _skip(draft: ScheduleDraft, reason: str) -> None:
    count = draft.schedule.skipped_count + 1
    draft.change(skipped_count=count, last_skip_reason=reason, last_skipped_at=draft.now)
    told = {
        "reason": reason,
        "skipped_trigger_count": count,
        "last_skipped_at": text_of(draft.now),
    }
    draft.record("ScheduleTriggerSkipped", told)


def _stop_latest(draft: ScheduleDraft, policy: str) -> None:
    schedule = draft.schedule
    workflow_id = schedule.latest_workflow_id or ""
    body = {
        "namespace": schedule.namespace,
        "workflow_id": workflow_id,
        "kind": STOPPING[policy],
        "reason": f"Schedule overlap: {policy} policy applied.",
    }
    draft.send("stop_scheduled", shard_of(schedule.namespace, workflow_id), workflow_id, body)


def _start(draft: ScheduleDraft, around: Around, cause: Cause) -> dict[str, Any]:
    """Have a workflow started, and count it; the last one that is allowed ends the schedule."""
    schedule = draft.schedule
    workflow_id = workflow_id_of(schedule.uid, cause.name)
    shard = shard_of(schedule.namespace, workflow_id)
    run_id = draft.moment.new_id(shard)
    number = schedule.fires_count + 1
    at = cause.occurrence_at
    occurrence = {} if at is None else {"occurrence_time": to_second_text(at)}
    triggered = {**_source(schedule), "trigger_number": number, **occurrence}
    body = {
        "shard": shard,
        "namespace": schedule.namespace,
        "workflow_id": workflow_id,
        "run_id": run_id,
        "schedule_shard": schedule.shard,
        "action": fragment(schedule.action),
        "build_id": around.build_id,
        "memo": schedule.memo,
        "search_attributes": schedule.search_attributes,
        "triggered": triggered,
    }
    draft.send("start_scheduled", shard, run_id, body)
    told = {
        "workflow_instance_id": workflow_id,
        "workflow_run_id": run_id,
        "outcome": cause.outcome,
        "effective_overlap_policy": cause.policy,
        "trigger_number": number,
        **occurrence,
    }
    draft.record("ScheduleTriggered", told, workflow_id, run_id)
    _count(draft, cause, workflow_id, run_id)
    return {"outcome": "triggered", "workflow_id": workflow_id, "run_id": run_id}


def _count(draft: ScheduleDraft, cause: Cause, workflow_id: str, run_id: str) -> None:
    schedule, now = draft.schedule, draft.now
    entry: dict[str, Any] = {
        "workflow_id": workflow_id,
        "run_id": run_id,
        "outcome": cause.outcome,
        "fired_at": to_second_text(now),
    }
    if cause.occurrence_at is not None:
        entry["occurrence_time"] = to_second_text(cause.occurrence_at)
    if cause.due_at is not None:
        entry["fire_lag_ms"] = (now - cause.due_at) // 1000
    remaining = schedule.remaining_actions
    draft.change(
        fires_count=schedule.fires_count + 1,
        last_fired_at=now,
        latest_workflow_id=workflow_id,
        latest_open=True,
        recent=text([*recent(schedule), entry][-RECENT_MAX:]),
        remaining_actions=None if remaining is None else max(0, remaining - 1),
    )
    if draft.schedule.remaining_actions == 0:
        end(draft, "max_runs_exhausted")


def _source(schedule: Schedule) -> dict[str, Any]:
    """What a run's history says of the schedule that started it."""
    spec = orjson.loads(schedule.spec)
    crons: list[str] = spec.get("cron_expressions") or []
    shown = {
        "schedule_id": schedule.schedule_id,
        "schedule_ulid": schedule.uid,
        "cron_expression": crons[0] if len(crons) == 1 else None,
        "timezone": spec.get("timezone"),
        "overlap_policy": schedule.overlap_policy,
    }
    return {name: value for name, value in shown.items() if value is not None}


def _answer(schedule: Schedule, outcome: str, **more: Any) -> dict[str, Any]:
    return {"schedule_id": schedule.schedule_id, "outcome": outcome, **more}
