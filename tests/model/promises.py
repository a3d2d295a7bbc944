"""What must hold of a run after every step, whatever was asked of it in whatever order.

The numbers are those of the invariants in the protocol documents: I1-I6 history, I9-I13 steps,
I14-I18 tasks, I21-I26 activities, I29 timers, I50 liveness.
"""

from collections import Counter
from typing import Any

import orjson
from durable_server.engine.run_state import Activity, Event, Timer

from tests.model.worlds import Rows

OPENING = {
    "ActivityScheduled",
    "TimerScheduled",
    "SideEffectRecorded",
    "VersionMarkerRecorded",
}
CLOSING_ACTIVITY = {
    "ActivityCompleted",
    "ActivityFailed",
    "ActivityTimedOut",
    "ActivityCancelled",
}
CLOSING_TIMER = {"TimerFired", "TimerCancelled"}
CLOSING_RUN = {
    ("completed", "completed"): ["WorkflowCompleted"],
    ("failed", "failed"): ["WorkflowFailed"],
    ("failed", "timed_out"): ["WorkflowFailed", "WorkflowTimedOut"],
}
RUN_ENDINGS = {each for types in CLOSING_RUN.values() for each in types}
GROUP_FIELDS = ("id", "kind", "base_sequence", "size", "index", "path")


def check(rows: Rows) -> None:
    """Raise an AssertionError that names the promise that does not hold."""
    payloads = [orjson.loads(event.payload) for event in rows.events]
    _check_history(rows)
    _check_steps(rows.events, payloads)
    _check_tasks(rows)
    for activity in rows.activities:
        _check_activity(activity, rows, payloads)
    for timer in rows.timers:
        _check_timer(timer, rows, payloads)
    _check_counts(rows)
    _check_liveness(rows)


def _check_history(rows: Rows) -> None:
    run, events = rows.run, rows.events
    types = [event.event_type for event in events]
    assert [event.sequence for event in events] == list(range(1, len(events) + 1)), "I1"
    assert run.last_sequence == len(events), "I1"
    instants = [event.recorded_at for event in events]
    assert instants == sorted(instants), "I3"
    assert types[:2] == ["StartAccepted", "WorkflowStarted"], "I4"
    assert types.count("WorkflowStarted") == 1, "I4"
    endings = [each for each in types if each in RUN_ENDINGS]
    wanted = CLOSING_RUN[(run.status, run.closed_reason or "")] if run.closed else []
    assert endings == wanted, f"I5: {endings} of a run {run.status}"
    # I6: nothing follows the end.
    assert not wanted or types[-len(wanted) :] == wanted, "I6"


def _check_steps(events: list[Event], payloads: list[dict[str, Any]]) -> None:
    owners: dict[int, Any] = {}
    openings: Counter[int] = Counter()
    groups: dict[int, list[Any]] = {}
    for event, payload in zip(events, payloads, strict=True):
        step = payload.get("sequence")
        if step is None:
            continue
        assert isinstance(step, int) and step > 0, "I9"
        owner = payload.get("activity_execution_id") or payload.get("timer_id") or event.event_id
        assert owners.setdefault(step, owner) == owner, f"I9: step {step} has two owners"
        if event.event_type in OPENING:
            openings[step] += 1
        group = [payload.get(f"parallel_group_{name}") for name in GROUP_FIELDS]
        assert groups.setdefault(step, group) == group or event.event_type.endswith("Cancelled"), (
            "I13"
        )
    # I10, I11: step numbers appear in order and without gaps; I12: each is opened once.
    assert list(owners) == list(range(1, len(owners) + 1)), f"I10, I11: {list(owners)}"
    assert all(openings[step] == 1 for step in owners), f"I12: {openings}"


def _check_tasks(rows: Rows) -> None:
    run = rows.run
    open_tasks = [task for task in rows.tasks if task.status in ("ready", "leased")]
    workflow_tasks = [task for task in open_tasks if task.kind == "workflow"]
    assert len(workflow_tasks) <= 1, "I14"
    assert not run.closed or not open_tasks, "I15"
    known = workflow_tasks[0] if workflow_tasks else None
    assert run.task_id == (known.task_id if known else None), "the run names its open task"
    assert run.task_leased == (known is not None and known.status == "leased")
    for task in open_tasks:
        held = (task.lease_owner, task.lease_expires_at)
        if task.status == "leased":
            assert None not in held, "I16"
        else:
            assert held == (None, None), "I16"
    executions = Counter(
        task.activity_execution_id for task in open_tasks if task.kind != "workflow"
    )
    assert all(count == 1 for count in executions.values()), "one open task for an activity"


def _check_activity(activity: Activity, rows: Rows, payloads: list[dict[str, Any]]) -> None:
    name = activity.activity_execution_id
    mine = [
        (event, payload)
        for event, payload in zip(rows.events, payloads, strict=True)
        if payload.get("activity_execution_id") == name
    ]
    types = [event.event_type for event, _ in mine]
    started = [payload["attempt_number"] for event, payload in mine if _is(event, "Started")]
    # A wait that no worker ended spends an attempt too.
    waited = [
        payload["retry_after_attempt"]
        for event, payload in mine
        if _is(event, "RetryScheduled") and payload.get("timeout_kind") == "schedule_to_start"
    ]
    assert started == sorted(started), f"I21: {started}"
    assert sorted(started + waited) == list(range(1, activity.attempt + 1)), f"I21: {started}"
    endings = [each for each in types if each in CLOSING_ACTIVITY]
    assert len(endings) <= 1, "I22"
    assert not endings or types[-1] == endings[0], f"I22: {types}"
    if activity.max_attempts is not None and activity.options is not None:
        assert activity.attempt <= activity.max_attempts, "I23"
    if activity.closing is None and not rows.run.closed:
        assert (activity.closed_at is not None) == bool(endings), "a closed step is told, or held"
    for event, payload in mine:
        if _is(event, "TimedOut"):
            _check_not_early(event, activity, payload["timeout_kind"])


def _check_not_early(event: Event, activity: Activity, kind: str) -> None:
    deadlines = {
        "schedule_to_start": activity.schedule_to_start_at,
        "start_to_close": activity.start_to_close_at,
        "schedule_to_close": activity.schedule_to_close_at,
        "heartbeat": activity.heartbeat_at,
    }
    deadline = deadlines[kind]
    assert deadline is not None and deadline <= event.recorded_at, f"I26: {kind}"


def _check_timer(timer: Timer, rows: Rows, payloads: list[dict[str, Any]]) -> None:
    fired = [
        event
        for event, payload in zip(rows.events, payloads, strict=True)
        if payload.get("timer_id") == timer.timer_id and event.event_type in CLOSING_TIMER
    ]
    assert len(fired) <= 1, "I29: fires once"
    for event in fired:
        if event.event_type == "TimerFired":
            assert timer.status == "fired", "I29: a cancelled timer never fires"
            assert event.recorded_at >= timer.fire_at, "I29: never early"


def _check_counts(rows: Rows) -> None:
    run = rows.run
    if run.closed:
        assert (run.open_activities, run.open_timers, run.barriers) == (0, 0, {})
        assert not run.ready_barriers
        left = {each.status for each in [*rows.activities, *rows.timers]}
        assert "pending" not in left, "I27: nothing waits for a run that is closed"
        return
    active = [each for each in rows.activities if each.status in ("pending", "running")]
    pending = [each for each in rows.timers if each.status == "pending"]
    assert run.open_activities == len(active), "the run counts its open activities"
    assert run.open_timers == len(pending), "the run counts its open timers"
    assert run.task_leased or not run.ready_barriers, "results wait for a leased task only"
    steps: list[Activity | Timer] = [*rows.activities, *rows.timers]
    for name, (size, closed) in run.barriers.items():
        members = [each for each in steps if each.barrier == int(name)]
        held = [each for each in members if each.closing is not None]
        assert (len(members), len(held)) == (size, closed), f"barrier {name}"
    waiting = {*map(int, run.barriers), *run.ready_barriers}
    assert all(each.barrier in waiting for each in steps if each.closing), "no result is forgotten"


def _check_liveness(rows: Rows) -> None:
    run = rows.run
    if run.closed:
        return
    assert run.task_id or run.open_activities or run.open_timers, "I50: nothing will resume the run"
    for activity in rows.activities:
        if activity.status in ("pending", "running"):
            task = next(each for each in rows.tasks if each.task_id == activity.task_id)
            wanted = "ready" if activity.status == "pending" else "leased"
            assert task.status == wanted, f"I50: task of an activity {activity.status}"


def _is(event: Event, ending: str) -> bool:
    return event.event_type == f"Activity{ending}"
