"""I29-I32: timers and waits."""

from collections import Counter

from tests.invariants.rows import Rows

OPENED = {"ConditionWaitOpened": "condition_wait_id", "SignalWaitOpened": "signal_wait_id"}


def i29_a_timer_fires_once_and_never_early(rows: Rows) -> None:
    """Fired or cancelled, at most one of them, and fired when due."""
    for timer in rows.timers:
        mine = rows.entries_of("timer_id", timer.timer_id)
        ends = [entry for entry in mine if entry.type in ("TimerFired", "TimerCancelled")]
        assert len(ends) <= 1, ends
        for entry in ends:
            if entry.type == "TimerFired":
                assert timer.status == "fired", "a cancelled timer never fires"
                assert entry.event.recorded_at >= timer.fire_at, "never early"


def i29_no_timer_is_left_behind(rows: Rows, now: int) -> None:
    """Checked after the passes: nothing that was due before this instant is still pending."""
    assert all(each.status != "pending" or each.fire_at >= now for each in rows.timers)


def i30_a_wait_timer_lives_as_long_as_its_wait(rows: Rows) -> None:
    """It names an existing wait, shares its step, and is pending only while the wait is open."""
    waits = {
        entry.payload[OPENED[entry.type]]: entry.payload["sequence"] for entry in rows.of(*OPENED)
    }
    open_waits = {wait_id(wait) for wait in rows.run.waits}
    for entry in rows.of("TimerScheduled"):
        kind = entry.payload.get("timer_kind")
        if kind is None:
            continue
        name = "condition_wait_id" if kind == "condition_timeout" else "signal_wait_id"
        assert waits[entry.payload[name]] == entry.payload["sequence"], entry
        timer = next(each for each in rows.timers if each.timer_id == entry.payload["timer_id"])
        assert timer.kind == kind and timer.wait is not None
        assert timer.status != "pending" or entry.payload[name] in open_waits, "outlives its wait"


def i31_a_condition_wait_resolves_once(rows: Rows) -> None:
    """Satisfied or timed out, never both."""
    ends: Counter[tuple[str, str]] = Counter()
    for entry in rows.of("ConditionWaitSatisfied", "ConditionWaitTimedOut", "TimerFired"):
        if "condition_wait_id" in entry.payload:
            ends[entry.payload["condition_wait_id"], entry.type] += 1
    assert all(count == 1 for count in ends.values()), ends
    # The firing of its timer, and that it timed out, are one resolution told twice.
    kinds = Counter(
        (wait, "satisfied" if kind == "ConditionWaitSatisfied" else "timed out")
        for wait, kind in ends
    )
    resolved = Counter(wait for wait, _ in kinds)
    assert all(count == 1 for count in resolved.values()), resolved


def i32_no_wait_outlives_its_timeout(rows: Rows, now: int) -> None:
    """Checked after the passes: no timer of a wait is due any more."""
    late = [each for each in rows.timers if each.wait is not None and each.fire_at <= now]
    assert all(each.status != "pending" for each in late), late


def wait_id(wait: dict[str, object]) -> object:
    """What names an open wait of a run."""
    return wait["id"]
