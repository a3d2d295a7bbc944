"""What a run has been told, when its workflow task begins to be applied and when it ends.

Theory of operation. While a workflow task is leased, signals and updates are kept and held back
(`Run.held_messages`): the worker decides on the history that it was given. When the task ends they
are recorded in the order of arrival (`let_in`), behind what the task itself recorded, and behind
the results that were held back. Then one task follows (`follow`), for the first of what the run has
been told and not used: a signal that can make the run go on, or an update. A run that is blocked by
an activity, a timer or a child gets no task for a signal, as its worker could only repeat itself.
"""

from collections.abc import Collection, Sequence
from typing import Any

import orjson

from durable_server.engine import (
    dialects,
    message_streams,
    signal,
    signal_events,
    update,
    update_events,
    waits,
)
from durable_server.engine.decision import Draft
from durable_server.engine.resume import resume_run
from durable_server.engine.run_state import Run, Signal, Task, Update

OF_UPDATES = frozenset({"complete_update", "fail_update"})


def begin(draft: Draft, task: Task, commands: Sequence[tuple[str, Any]]) -> None:
    """A completion is about to be applied: what its worker knew of is used, and its wait is over.

    A completion that only finishes updates has not looked at anything else.
    """
    kinds = [kind for kind, _ in commands]
    if kinds and OF_UPDATES.issuperset(kinds):
        return
    named = _named(draft, task)
    wait = None if named is None else waits.find(draft.run, named.wait_id)
    if named is not None and wait is not None:
        signal_events.apply_to_wait(draft, named, wait)
    elif dialects.runs_handlers(draft.run.sdk_version):
        if not _handles_again(draft.run, kinds):
            _apply(draft, signal_events.open_signals(draft))
    elif named is not None:
        _apply(draft, [named])
    if kinds and not _waits_on(draft.run, commands):
        waits.end_condition(draft, named)


def _apply(draft: Draft, known: Collection[Signal]) -> None:
    wait = waits.condition_of(draft.run)
    for each in known:
        if message_streams.place_of(each)[1] == 0:
            signal_events.apply(draft, each, None if wait is None else wait["step"])
        else:
            # Code reads a stream at its own pace; the completion says how far.
            signal_events.see(draft, each, 0 if wait is None else wait["step"])


def _waits_on(run: Run, commands: Sequence[tuple[str, Any]]) -> bool:
    """Whether the completion begins by saying that the open condition wait stays open."""
    kind, command = commands[0]
    return kind == "open_condition_wait" and waits.stays_open(run, *command)


def _handles_again(run: Run, kinds: list[str]) -> bool:
    """Whether a replay will run the handlers of the known signals at the wait that now opens.

    So it does when no step stands between them and the first wait of the run, or one that opens
    behind a wait whose time has run out. The task that follows then looks at the run once more,
    so that worker and history agree about where these signals came.
    """
    if dialects.waits_once(run.sdk_version) or kinds[:1] != ["open_condition_wait"]:
        return False
    timed_out = any(each.get("timed_out") for each in run.waits)
    return run.next_step == 1 or timed_out


def let_in(draft: Draft) -> None:
    """Record what was held back while the task was leased, in the order of arrival."""
    run = draft.run
    if not run.held_messages:
        return
    run.held_messages = 0
    rows: list[Signal | Update] = [*draft.signals(), *draft.updates()]
    held = [each for each in rows if not each.recorded and each.run_id == run.run_id]
    for message in sorted(held, key=lambda each: each.command_sequence):
        if isinstance(message, Signal):
            signal_events.record(draft, message)
        else:
            update_events.record(draft, message)


def follow(draft: Draft, ended: Task, requested: bool) -> None:
    """See to it that a worker looks at what the run has been told, or, if `requested`, again.

    Not at the update that the task which has `ended` was for: a worker that leaves it open would be
    given it again at once, for ever. The next task that ends brings it back.
    """
    run = draft.run
    if run.closed or run.task_id is not None:
        return
    reason = None
    if run.open_signals or run.open_updates:
        reason = _next_reason(draft, update.update_of(ended))
    if reason is not None:
        resume_run(draft, reason)
    elif requested and waits.goes_on(run):
        resume_run(draft, {})


def _next_reason(draft: Draft, attempted: str | None) -> dict[str, Any] | None:
    """Why the next task exists: the first message that workflow code can use now."""
    usable = (each for each in signal_events.open_signals(draft) if waits.takes(draft.run, each))
    accepted = (
        each
        for each in draft.updates()
        if each.status == update_events.OPEN and each.recorded and each.update_id != attempted
    )
    first, second = next(usable, None), next(accepted, None)
    if first is not None and (second is None or first.command_sequence < second.command_sequence):
        return signal.context(draft.run, first)
    return None if second is None else update.context(second)


def _named(draft: Draft, task: Task) -> Signal | None:
    """The signal that a task exists for, if it has not been used yet."""
    if not draft.run.open_signals or not task.resume:
        return None
    name = orjson.loads(task.resume).get("workflow_signal_id")
    known = signal_events.open_signals(draft)
    return next((each for each in known if each.signal_id == name), None)
