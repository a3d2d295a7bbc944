"""Waits for a condition or for a signal: opened by a command, bounded by a timer, over at the next
completion that goes on from them.

Theory of operation. A run has at most one open condition wait, and any number of signal waits.
Whether a condition holds only a worker can tell, so a run that waits for one is woken by whatever
it is told. The completion that follows ends the wait (`ConditionWaitSatisfied`, its timer
cancelled), also where the condition is still false: then the same completion opens it anew. What
stands in the history between an opening and its end belongs to that wait when it is replayed, and
only so does a replay see what the worker saw. Python before 0.4.90 takes such an end for a
condition that holds; there the wait stays open as long as the same command is sent again.

A wait whose time has run out (`timed_out`) is not satisfied any more. A wait timer lives exactly as
long as its wait.
"""

from typing import Any

import orjson

from durable_server.clock import SECOND, to_micro_text
from durable_server.engine import dialects, selections, timer_events
from durable_server.engine.decision import Draft
from durable_server.engine.run_state import Run, Signal, Timer

Wait = dict[str, Any]

CONDITION, SIGNAL = "condition", "signal"


def condition_of(run: Run) -> Wait | None:
    """The condition wait that is open and whose time has not run out."""
    waits = (each for each in run.waits if each["kind"] == CONDITION)
    return next((each for each in waits if not each["timed_out"]), None)


def find(run: Run, wait_id: str | None) -> Wait | None:
    """The open signal wait of this id."""
    waits = (each for each in run.waits if each["kind"] == SIGNAL)
    return next((each for each in waits if each["id"] == wait_id), None)


def reserve(run: Run, signal: Signal) -> str | None:
    """The id of the oldest open wait for such a signal, which no other signal ends any more."""
    waits = (each for each in run.waits if each["kind"] == SIGNAL and not each["signal_id"])
    wait = next((each for each in waits if each["name"] == signal.name), None)
    if wait is None:
        return None
    wait["signal_id"] = signal.signal_id
    wait_id: str = wait["id"]
    return wait_id


def goes_on(run: Run) -> bool:
    """Whether workflow code may go on when it is looked at again, rather than wait for a step."""
    if any(each["kind"] == CONDITION for each in run.waits):
        return True
    return not run.waits and not selections.blocked(run)


def takes(run: Run, signal: Signal) -> bool:
    """Whether a recorded signal can make the run go on."""
    return goes_on(run) or find(run, signal.wait_id) is not None


def open_condition(draft: Draft, key: str | None, fingerprint: str | None, seconds: Any) -> None:
    """The next step of the run waits for a condition."""
    wait = _wait(draft, CONDITION, draft.new_id(), seconds)
    wait |= {"key": key, "fingerprint": fingerprint}
    draft.append("ConditionWaitOpened", {**_told(wait), **_step(wait)})
    _bound(draft, wait)


def open_signal(draft: Draft, name: str, buffered: Signal | None, seconds: Any) -> None:
    """The next step of the run waits for a signal; one that came before (`buffered`) ends it."""
    wait_id = draft.new_id() if buffered is None else buffered.wait_id
    wait = _wait(draft, SIGNAL, wait_id, seconds) | {"name": name, "signal_id": None}
    draft.append("SignalWaitOpened", {**_told(wait), **_step(wait)})
    if buffered is not None:
        # It has what it waits for, so that its time cannot run out.
        wait |= {"signal_id": buffered.signal_id, "seconds": None}
    _bound(draft, wait)


def stays_open(run: Run, key: str | None, fingerprint: str | None, seconds: Any) -> bool:
    """Whether this command only says once more that the run still waits for the open condition."""
    wait = condition_of(run)
    if wait is None or not dialects.waits_once(run.sdk_version):
        return False
    same = (wait["key"], wait["fingerprint"], wait["seconds"])
    return same == (key, fingerprint, seconds)


def end_condition(draft: Draft, signal: Signal | None) -> None:
    """A completion goes on from the condition wait; `signal` is what woke the run, if one did."""
    wait = condition_of(draft.run)
    if wait is not None:
        draft.append("ConditionWaitSatisfied", _satisfied(wait, signal))
        _cancel_timer(draft, wait)
    # One whose time has run out ends as well; its timer has told of it.
    draft.run.waits = [each for each in draft.run.waits if each["kind"] != CONDITION]


def end_signal(draft: Draft, wait: Wait) -> None:
    """A signal wait has its signal."""
    _cancel_timer(draft, wait)
    drop(draft.run, wait["id"])


def drop(run: Run, wait_id: str) -> None:
    """A wait is over."""
    run.waits = [each for each in run.waits if each["id"] != wait_id]


def run_out(draft: Draft, timer: Timer) -> None:
    """The firing of a wait's timer has been let into the history: the time of the wait is up."""
    wait = next((each for each in draft.run.waits if each["timer_id"] == timer.timer_id), None)
    if wait is not None and wait["kind"] == CONDITION:
        wait["timed_out"] = True
        told = {"sequence": timer.step, "timer_id": timer.timer_id, **_step(wait)}
        draft.append("ConditionWaitTimedOut", {**_told(wait), **told})
    elif wait is not None:
        drop(draft.run, wait["id"])


def context(timer: Timer) -> dict[str, Any]:
    """Why the task exists that follows when the time of a wait is up."""
    told = orjson.loads(timer.wait or "{}")
    kind = CONDITION if "condition_wait_id" in told else SIGNAL
    return {
        "workflow_wait_kind": kind,
        "open_wait_id": told.get(f"{kind}_wait_id"),
        "resume_source_kind": "timer",
        "resume_source_id": timer.timer_id,
        "timer_id": timer.timer_id,
        **told,
        "workflow_sequence": timer.step,
        "workflow_event_type": "TimerFired",
    }


def _wait(draft: Draft, kind: str, wait_id: str | None, seconds: int | None) -> Wait:
    return {
        "kind": kind,
        "id": wait_id,
        "step": draft.take_step(),
        "seconds": seconds,
        "timer_id": None,
        "timed_out": False,
    }


def _told(wait: Wait) -> dict[str, Any]:
    """What events tell of which wait it is."""
    if wait["kind"] == SIGNAL:
        return {"signal_wait_id": wait["id"], "signal_name": wait["name"]}
    told = {
        "condition_wait_id": wait["id"],
        "condition_key": wait["key"],
        "condition_definition_fingerprint": wait["fingerprint"],
    }
    return {name: value for name, value in told.items() if value is not None}


def _step(wait: Wait) -> dict[str, Any]:
    bound = {} if wait["seconds"] is None else {"timeout_seconds": wait["seconds"]}
    return {"sequence": wait["step"], **bound}


def _satisfied(wait: Wait, signal: Signal | None) -> dict[str, Any]:
    by = {"timer_id": wait["timer_id"]} if wait["timer_id"] is not None else {}
    if signal is not None:
        by |= {
            "workflow_signal_id": signal.signal_id,
            "signal_name": signal.name,
            "signal_wait_id": signal.wait_id,
        }
    return {**_told(wait), **_step(wait), **by}


def _bound(draft: Draft, wait: Wait) -> None:
    """Keep the wait, with the timer that bounds it; one of no seconds has run out already."""
    run, seconds = draft.run, wait["seconds"]
    run.waits.append(wait)
    if seconds is None:
        return
    timer = Timer(
        shard=run.shard,
        timer_id=draft.new_id(),
        run_id=run.run_id,
        step=wait["step"],
        barrier=wait["step"],
        kind=f"{wait['kind']}_timeout",
        delay_seconds=seconds,
        fire_at=draft.now + seconds * SECOND,
        status="pending",
        group=None,
        closing=None,
        wait=orjson.dumps(_told(wait)).decode(),
    )
    wait["timer_id"] = timer.timer_id
    draft.append("TimerScheduled", timer_events.identity(timer))
    draft.put_timer(timer, new=True)
    run.open_timers += 1
    if seconds == 0:
        fire(draft, timer)


def fire(draft: Draft, timer: Timer) -> None:
    """The timer of a wait fires; `steps.let_in` takes that into the history.

    One whose signal wait has its signal already has nothing to tell.
    """
    draft.run.open_timers -= 1
    wait = next((each for each in draft.run.waits if each["timer_id"] == timer.timer_id), None)
    if wait is not None and wait.get("signal_id"):
        draft.put_timer(timer._replace(status="cancelled"))
        return
    draft.run.ready_barriers.append(timer.barrier)
    payload = {**timer_events.identity(timer), "fired_at": to_micro_text(draft.now)}
    held = orjson.dumps(["TimerFired", payload]).decode()
    draft.put_timer(timer._replace(status="fired", closing=held))


def _cancel_timer(draft: Draft, wait: Wait) -> None:
    """The timer of a wait that is over; one that has fired unseen has nothing to tell any more."""
    timer = next((each for each in draft.timers() if each.timer_id == wait["timer_id"]), None)
    if timer is None:
        return
    if timer.status == "pending":
        draft.run.open_timers -= 1
    draft.append("TimerCancelled", timer_events.cancelled(timer, draft.now))
    draft.put_timer(timer._replace(status="cancelled", closing=None))
