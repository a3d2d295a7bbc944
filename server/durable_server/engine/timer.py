"""Timers that workflow code starts: scheduled with a completion, fired when due, never early."""

from typing import Any

import orjson

from durable_server.clock import SECOND, to_micro_text
from durable_server.engine import steps, timer_events, waits
from durable_server.engine.decision import Decision, Draft, Moment
from durable_server.engine.run_state import RunState, Timer


def schedule(draft: Draft, delay_seconds: int, barrier: int, group: dict[str, Any] | None) -> str:
    """Start a timer as the next step of the run; returns its id."""
    run = draft.run
    timer = Timer(
        shard=run.shard,
        timer_id=draft.new_id(),
        run_id=run.run_id,
        step=draft.take_step(),
        barrier=barrier,
        kind=None,
        delay_seconds=delay_seconds,
        fire_at=draft.now + delay_seconds * SECOND,
        status="pending",
        group=orjson.dumps(group).decode() if group else None,
        closing=None,
    )
    run.open_timers += 1
    draft.append("TimerScheduled", timer_events.identity(timer))
    draft.put_timer(timer, new=True)
    return timer.timer_id


def fire(state: RunState, moment: Moment, timer_id: str) -> Decision:
    """Fire a due timer; one not pending or not due, or of a closed run, changes nothing more."""
    draft = Draft(state, moment)
    timer = state.timers.get(timer_id)
    if timer is None or timer.status != "pending" or timer.fire_at > moment.now:
        return draft.done(False)
    if draft.run.closed:
        draft.put_timer(timer._replace(status="cancelled"))
        return draft.done(False)
    if timer.wait is not None:
        waits.fire(draft, timer)
        if not draft.run.task_leased:
            steps.let_in(draft)
        return draft.done(True)
    draft.run.open_timers -= 1
    payload = {**timer_events.identity(timer), "fired_at": to_micro_text(moment.now)}
    steps.close(draft, timer._replace(status="fired"), "TimerFired", payload)
    return draft.done(True)
