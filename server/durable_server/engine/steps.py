"""Steps of a workflow that block it, and the barrier that lets their results into history.

Theory of operation. The blocking commands of one completion (activities, timers, children) form a
barrier. A worker that is woken while only some of them have closed sends all of them again, and
results count by their order in history. So the closing event of a step is held on its row until
every step of its barrier has closed; then all closing events are recorded in the order of the
commands, and the run is woken once.

While a workflow task is leased its worker decides on the history it was given. A barrier that
completes meanwhile is remembered in `Run.ready_barriers`, and let in when that task ends.
"""

from typing import Any

import orjson

from durable_server.engine import dialects, selections, waits
from durable_server.engine.closing import fail_run
from durable_server.engine.decision import Draft
from durable_server.engine.resume import resume_run
from durable_server.engine.run_state import Activity, Child, Event, Run, Timer

Resume = dict[str, Any]
Step = Activity | Timer | Child


def completes_barrier(run: Run, barrier: int, closing: int) -> bool:
    """Whether a barrier of several steps is complete once `closing` more of them have closed."""
    size, closed = run.barriers.get(str(barrier), (1, 0))
    return size > 1 and closed + closing >= size


def close(draft: Draft, step: Step, event_type: str, payload: dict[str, Any]) -> None:
    """Record that a step has closed: at once, or held until its barrier lets it in.

    `step` is the row in its final state. The rows of a barrier that this completes are at hand.
    """
    run = draft.run
    held = orjson.dumps([event_type, payload]).decode()
    _put(draft, step._replace(closing=held))
    counts = run.barriers.get(str(step.barrier))
    if counts is None:
        return
    counts[1] += 1
    if counts[1] < counts[0]:
        return
    del run.barriers[str(step.barrier)]
    run.ready_barriers.append(step.barrier)
    if not run.task_leased:
        let_in(draft)


def let_in(draft: Draft) -> None:
    """Record the closing events of every complete barrier, and wake the run for them."""
    run = draft.run
    barriers, run.ready_barriers = run.ready_barriers, []
    for barrier in barriers:
        run.digests.pop(str(barrier), None)
        closed: list[tuple[Step, Event]] = []
        for step in _steps_of(draft, barrier):
            if step.closing is None:
                continue
            event_type, payload = orjson.loads(step.closing)
            task_id = step.task_id if isinstance(step, Activity) else None
            closed.append((step, draft.append(event_type, payload, task_id=task_id)))
            _put(draft, step._replace(closing=None))
            if isinstance(step, Timer) and step.wait is not None:
                waits.run_out(draft, step)
            if dialects.blind_to_failures(run.sdk_version) and event_type in _FAILURES:
                fail_run(draft, payload)
                return
        # A timer whose wait ended while it was held has nothing to tell any more.
        if closed and selections.member_closed(draft, closed):
            last, event = closed[-1]
            resume_run(draft, _resume(last, event.event_type))


def record_held(draft: Draft) -> None:
    """Record every result that is still held back, as the run is about to be stopped.

    Whoever reported one was told that it is recorded. All steps with such a result are at hand.
    """
    rows: list[Step] = [*draft.activities(), *draft.timers(), *draft.children()]
    for step in sorted(rows, key=lambda row: row.step):
        if step.closing is not None:
            event_type, payload = orjson.loads(step.closing)
            task_id = step.task_id if isinstance(step, Activity) else None
            draft.append(event_type, payload, task_id=task_id)
            _put(draft, step._replace(closing=None))


_FAILURES = frozenset({"ActivityFailed", "ActivityTimedOut"})


def _steps_of(draft: Draft, barrier: int) -> list[Step]:
    rows: list[Step] = [*draft.activities(), *draft.timers(), *draft.children()]
    return sorted((row for row in rows if row.barrier == barrier), key=lambda row: row.step)


def _put(draft: Draft, step: Step) -> None:
    if isinstance(step, Activity):
        draft.put_activity(step)
    elif isinstance(step, Child):
        draft.put_child(step)
    else:
        draft.put_timer(step)


def _resume(step: Step, event_type: str) -> Resume:
    """Why the next workflow task exists; a timed-out activity gives no reason, as documented."""
    if event_type == "ActivityTimedOut":
        return {}
    if isinstance(step, Activity):
        execution = step.activity_execution_id
        return {
            "workflow_wait_kind": "activity",
            "open_wait_id": f"activity:{execution}",
            "resume_source_kind": "activity_execution",
            "resume_source_id": execution,
            "activity_execution_id": execution,
            "activity_attempt_id": f"{execution}.{step.attempt}",
            "activity_type": step.activity_type,
            "workflow_sequence": step.step,
            "workflow_event_type": event_type,
        }
    if isinstance(step, Child):
        return {
            "workflow_wait_kind": "child",
            "open_wait_id": f"child:{step.child_call_id}",
            "resume_source_kind": "child_workflow_run",
            "resume_source_id": step.child_run_id,
            "child_call_id": step.child_call_id,
            "child_workflow_run_id": step.child_run_id,
            "workflow_sequence": step.step,
            "workflow_event_type": event_type,
        }
    if step.wait is not None:
        return waits.context(step)
    return {
        "workflow_wait_kind": "timer",
        "open_wait_id": f"timer:{step.timer_id}",
        "resume_source_kind": "timer",
        "resume_source_id": step.timer_id,
        "timer_id": step.timer_id,
        "workflow_sequence": step.step,
        "workflow_event_type": event_type,
    }
