"""I1-I6: what every history looks like, however its run came about."""

from tests.invariants.rows import Rows

CLOSING = {
    ("completed", "completed"): ("WorkflowCompleted",),
    ("completed", "continued"): ("WorkflowContinuedAsNew",),
    ("failed", "failed"): ("WorkflowFailed",),
    # Clients of early SDKs look for WorkflowFailed, whatever ended the run.
    ("failed", "timed_out"): ("WorkflowFailed", "WorkflowTimedOut"),
    ("cancelled", "cancelled"): ("WorkflowCancelled",),
    ("terminated", "terminated"): ("WorkflowTerminated",),
}
ENDINGS = {each for types in CLOSING.values() for each in types}
FROM_WITHIN = {
    "continued_from_run_id",
    "retry_of_child_workflow_run_id",
    "parent_workflow_run_id",
}
ADMINISTRATIVE = {
    "UpdateCompleted",
    "ParentClosePolicyApplied",
    "ParentClosePolicyFailed",
    "MessageCursorAdvanced",
    "StartRejected",
    "ArchiveRequested",
    "WorkflowArchived",
}


def i01_events_are_numbered_without_gaps(rows: Rows) -> None:
    """The sequences are exactly 1 to n, and the run knows n."""
    assert [event.sequence for event in rows.events] == list(range(1, len(rows.events) + 1))
    assert rows.run.last_sequence == len(rows.events)


def i02_recorded_events_never_change(before: Rows, after: Rows) -> None:
    """What was recorded before stands as it was."""
    assert after.events[: len(before.events)] == before.events


def i03_recorded_instants_never_go_back(rows: Rows) -> None:
    """Instants are non-decreasing; the wire writes them with their offset."""
    instants = [event.recorded_at for event in rows.events]
    assert instants == sorted(instants)


def i04_histories_begin_in_one_of_two_ways(rows: Rows) -> None:
    """A start from outside is accepted first; a run begins once, before any message."""
    started = next(entry.payload for entry in rows.of("WorkflowStarted"))
    outside = not FROM_WITHIN & set(started)
    assert outside or rows.run.parent is not None or rows.run.run_number > 1
    first = ["StartAccepted", "WorkflowStarted"] if outside else ["WorkflowStarted"]
    assert rows.types[: len(first)] == first
    assert rows.types.count("WorkflowStarted") == 1


def i05_a_closed_run_has_one_ending_that_agrees(rows: Rows) -> None:
    """One closing event exactly when the run is closed, of the kind its status says."""
    run = rows.run
    endings = tuple(each for each in rows.types if each in ENDINGS)
    wanted = CLOSING[(run.status, run.closed_reason or "")] if run.closed else ()
    assert endings == wanted, f"{endings} of a run {run.status}"


def i06_only_administration_follows_the_end(rows: Rows) -> None:
    """After the closing event nothing but administrative events."""
    places = [place for place, each in enumerate(rows.types) if each in ENDINGS]
    after = rows.types[places[-1] + 1 :] if places else []
    assert set(after) <= ADMINISTRATIVE, after
