"""I21-I28: activities, their attempts and their deadlines."""

from durable_server.engine.run_state import Activity

from tests.invariants.rows import Entry, Rows

CLOSING = {"ActivityCompleted", "ActivityFailed", "ActivityTimedOut", "ActivityCancelled"}
STOPPED = {"cancelled", "terminated"}


def _each(rows: Rows) -> list[tuple[Activity, list[Entry]]]:
    return [
        (each, rows.entries_of("activity_execution_id", each.activity_execution_id))
        for each in rows.activities
    ]


def i21_attempts_are_counted_without_gaps(rows: Rows) -> None:
    """Every attempt was started once; a wait that no worker ended spends an attempt too."""
    for activity, mine in _each(rows):
        started = [e.payload["attempt_number"] for e in mine if e.type == "ActivityStarted"]
        waited = [
            e.payload["retry_after_attempt"]
            for e in mine
            if e.type == "ActivityRetryScheduled"
            and e.payload.get("timeout_kind") == "schedule_to_start"
        ]
        assert started == sorted(started), started
        assert sorted(started + waited) == list(range(1, activity.attempt + 1)), started


def i22_an_activity_ends_at_most_once(rows: Rows) -> None:
    """One closing event at most, and it is the last one of its activity."""
    for activity, mine in _each(rows):
        endings = [entry.type for entry in mine if entry.type in CLOSING]
        assert len(endings) <= 1, endings
        assert not endings or mine[-1].type == endings[0], [entry.type for entry in mine]
        if activity.closing is None and not rows.run.closed:
            assert (activity.closed_at is not None) == bool(endings), "told, or held"


def i23_attempts_stay_within_the_policy(rows: Rows) -> None:
    """Redeliveries count."""
    for activity in rows.activities:
        if activity.max_attempts is not None and activity.options is not None:
            assert activity.attempt <= activity.max_attempts, activity


def i24_a_retry_is_never_early(before: Rows, after: Rows) -> None:
    """A task is leased when it is available, not before."""
    known = {task.task_id: task for task in before.tasks}
    for task in after.tasks:
        was = known.get(task.task_id)
        if was is not None and was.status == "ready" and task.status == "leased":
            assert (task.leased_at or 0) >= was.available_at, task


def i25_an_unretryable_failure_is_final(rows: Rows) -> None:
    """Nothing follows it."""
    for _, mine in _each(rows):
        for place, entry in enumerate(mine):
            exception = entry.payload.get("exception") or {}
            final = entry.payload.get("non_retryable") or exception.get("non_retryable")
            if entry.type == "ActivityRetryScheduled":
                assert not final, entry
            elif entry.type == "ActivityFailed" and final:
                assert place == len(mine) - 1, entry


def i26_no_activity_times_out_early(rows: Rows) -> None:
    """The deadline that ended it had passed."""
    for activity, mine in _each(rows):
        deadlines = {
            "schedule_to_start": activity.schedule_to_start_at,
            "start_to_close": activity.start_to_close_at,
            "schedule_to_close": activity.schedule_to_close_at,
            "heartbeat": activity.heartbeat_at,
        }
        for entry in mine:
            if entry.type == "ActivityTimedOut":
                deadline = deadlines[entry.payload["timeout_kind"]]
                assert deadline is not None and deadline <= entry.event.recorded_at, entry


def i26_no_deadline_is_left_behind(rows: Rows, now: int) -> None:
    """Checked after the passes: nothing is due any more."""
    assert all(each.due_at is None or each.due_at > now for each in rows.activities)


def i27_a_stopped_run_has_no_open_activity(rows: Rows) -> None:
    """What a cancelled, terminated or timed out run left open is cancelled with an event."""
    run = rows.run
    if not run.closed:
        return
    assert all(each.status != "pending" for each in rows.activities)
    if run.status in STOPPED or run.closed_reason == "timed_out":
        assert all(each.status != "running" for each in rows.activities)
        for activity, mine in _each(rows):
            told = any(entry.type in CLOSING for entry in mine)
            assert told or activity.closing is not None, activity


def i28_a_heartbeat_never_shortens_a_lease(before: Rows, after: Rows) -> None:
    """The same attempt of the same task keeps its lease or holds it longer."""
    known = {task.task_id: task for task in before.tasks}
    for task in after.tasks:
        was = known.get(task.task_id)
        if was is None or (was.status, task.status) != ("leased", "leased"):
            continue
        if (was.attempt, was.lease_owner) == (task.attempt, task.lease_owner):
            assert (task.lease_expires_at or 0) >= (was.lease_expires_at or 0), task
