"""I33-I40: signals and updates."""

from collections import Counter

from tests.invariants.rows import Everything, Rows


def i33_every_accepted_signal_is_received_once(rows: Rows) -> None:
    """One SignalReceived for each, unless it still waits for the leased task to end.

    What a run that continued has not used is its successor's, with its ids.
    """
    received = Counter(entry.payload["signal_id"] for entry in rows.of("SignalReceived"))
    for signal in rows.signals:
        assert received.pop(signal.signal_id, 0) == signal.recorded, signal
    assert not received or rows.run.closed_reason == "continued", "a signal without a row"
    applied = Counter(entry.payload["signal_id"] for entry in rows.of("SignalApplied"))
    assert all(count == 1 for count in applied.values()), applied


def i33_a_signal_is_applied_once(before: Rows, after: Rows) -> None:
    """What is applied stays applied, at the same step."""
    known = {signal.signal_id: signal for signal in before.signals}
    for signal in after.signals:
        was = known.get(signal.signal_id)
        if was is not None and was.status == "applied":
            assert (signal.status, signal.step) == (was.status, was.step), signal


def i34_signals_appear_in_the_order_of_their_requests(rows: Rows) -> None:
    """The history follows `command_sequence`."""
    order = {signal.signal_id: signal.command_sequence for signal in rows.signals}
    received = [entry.payload["signal_id"] for entry in rows.of("SignalReceived")]
    found = [order[name] for name in received if name in order]
    assert found == sorted(found), found


def i35_a_signal_for_an_open_wait_wakes_the_run(rows: Rows) -> None:
    """With an open condition wait and a signal that was not applied, a task is open.

    A message of a stream stays unapplied until the code reads it, but whoever opened the wait
    after it has seen it: then it bears a step.
    """
    run = rows.run
    waits = [wait for wait in run.waits if wait["kind"] == "condition" and not wait["timed_out"]]
    unapplied = [
        each
        for each in rows.signals
        if each.status == "received" and each.recorded and each.step is None
    ]
    if not run.closed and waits and unapplied:
        assert run.task_id is not None, "a lost wake-up"


def i36_a_signal_does_not_wake_a_blocked_run(before: Rows, after: Rows) -> None:
    """Where nothing but a signal came and no task and no wait is open, no task is made.

    An open task may make place for another one: a signal that came while it was leased is recorded
    when it ends, also when a worker gave it up and it is tried again.
    """
    new = after.types[len(before.types) :]
    blocked = before.run.open_activities or before.run.open_timers or before.run.open_children
    idle = before.run.task_id is None and not before.run.waits
    if set(new) == {"SignalReceived"} and blocked and idle and not after.run.closed:
        assert after.run.task_id is None, "woken for nothing"


def i37_every_accepted_update_ends(rows: Rows) -> None:
    """Once the run is closed, each accepted update is completed, failed, or has moved on."""
    accepted = {entry.payload["update_id"] for entry in rows.of("UpdateAccepted")}
    completed = Counter(entry.payload["update_id"] for entry in rows.of("UpdateCompleted"))
    assert all(count == 1 for count in completed.values()), completed
    assert set(completed) <= accepted, "completed without having been accepted"
    for update in rows.updates:
        ended = update.status in ("completed", "failed")
        assert ended == (update.update_id in completed), update
        if rows.run.closed:
            assert ended, f"left open: {update}"


def i38_one_request_is_one_update(everything: Everything) -> None:
    """The same request id of a workflow gives the same update, accepted once in each run."""
    for workflow in everything.workflows:
        found: Counter[str] = Counter()
        for rows in everything.runs_of(workflow):
            mine = Counter(entry.payload["update_id"] for entry in rows.of("UpdateAccepted"))
            assert all(count == 1 for count in mine.values()), mine
            found.update(each.request_id for each in rows.updates if each.request_id)
        assert all(count == 1 for count in found.values()), found


def i39_only_an_update_that_succeeded_was_applied(rows: Rows) -> None:
    """UpdateApplied exists exactly when the update completed with a result."""
    applied = {entry.payload["update_id"] for entry in rows.of("UpdateApplied")}
    succeeded = {each.update_id for each in rows.updates if each.status == "completed"}
    assert applied == succeeded, (applied, succeeded)


def i40_no_signal_is_lost_when_a_run_continues(everything: Everything) -> None:
    """A run that continued as new left no accepted signal behind that was not applied."""
    for rows in everything.runs.values():
        if rows.run.closed_reason == "continued":
            left = [each for each in rows.signals if each.status == "received"]
            assert not left, left
