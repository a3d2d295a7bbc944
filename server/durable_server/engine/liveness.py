"""What an open run waits for, and what will resume it: told from its row and its first open work.

Every open run has something that will resume it: an open workflow task, an open activity, a timer,
a child, a wait for a condition or a signal. A run with none of these is broken; `repair` mends it.
"""

from collections.abc import Iterable
from typing import NamedTuple

from durable_server.engine.run_state import Activity, Child, Run, Task

REPAIR_NEEDED = "repair_needed"


class OpenWork(NamedTuple):
    """The first open activity and child of a run, and its workflow task, where there are any."""

    activity: Activity | None = None
    child: Child | None = None
    workflow_task: Task | None = None


def work_of(activities: Iterable[Activity], children: Iterable[Child]) -> OpenWork:
    """The first open activity and child among these, which are in the order of their steps."""
    return OpenWork(
        next((each for each in activities if each.status in ("pending", "running")), None),
        next((each for each in children if each.status == "started"), None),
    )


class Wait(NamedTuple):
    """What a run waits for: a kind for programs, a reason for people; None when for nothing."""

    kind: str | None
    reason: str | None


class Liveness(NamedTuple):
    """What will resume a run: a state for programs, a reason for people."""

    state: str
    reason: str


NOTHING = Wait(None, None)


def wait_of(run: Run, work: OpenWork) -> Wait:
    """What an open run waits for; a closed one waits for nothing."""
    if run.closed:
        return NOTHING
    if work.activity is not None:
        return Wait("activity", f"Waiting for activity {work.activity.activity_type}")
    if run.open_updates:
        return Wait("update", "Waiting for update")
    if run.open_signals and run.task_id is None:
        return Wait("signal", "Waiting to apply signal")
    return _wait_for_time(run) or _wait_for_task(run, work)


def _wait_for_time(run: Run) -> Wait | None:
    bounded = sum(1 for wait in run.waits if wait.get("timer_id"))
    if run.open_timers > bounded:
        return Wait("timer", "Waiting for timer")
    for kind in ("condition", "signal"):
        wait = next((each for each in run.waits if each.get("kind") == kind), None)
        if wait is not None:
            name = wait.get("key") or wait.get("name")
            within = " or timeout" if wait.get("timer_id") else ""
            return Wait(
                kind, f"Waiting for {kind} {name}" if name else f"Waiting for {kind}{within}"
            )
    return None


def _wait_for_task(run: Run, work: OpenWork) -> Wait:
    if run.task_id is not None:
        words = "leased to worker" if run.task_leased else "ready"
        return Wait("workflow-task", f"Workflow task {words}")
    if work.child is not None:
        return Wait("child", f"Waiting for child workflow {work.child.workflow_type}")
    return NOTHING


def liveness_of(run: Run, work: OpenWork) -> Liveness:
    """What will resume a run next, as its row tells."""
    if run.closed:
        return Liveness("closed", f"Run is closed as {run.closed_reason}.")
    if run.task_id is not None and run.task_leased:
        return Liveness(
            "workflow_task_leased", f"Workflow task {run.task_id} is leased to a worker."
        )
    if run.task_id is not None:
        return Liveness("workflow_task_ready", f"Workflow task {run.task_id} is ready to run.")
    if work.activity is not None:
        return _of_activity(work.activity)
    wait = _wait_for_time(run) or _wait_for_task(run, work)
    if wait.kind is None:
        # Messages that nobody has taken do not resume a run by themselves.
        return Liveness(REPAIR_NEEDED, "Nothing will resume this run; repair it.")
    return Liveness(_STATES[wait.kind], f"{wait.reason}.")


_STATES = {
    "timer": "timer_scheduled",
    "condition": "waiting_for_condition",
    "signal": "waiting_for_signal",
    "child": "waiting_for_child",
}


def _of_activity(activity: Activity) -> Liveness:
    if activity.status == "running":
        return Liveness(
            "activity_task_leased", f"Activity task {activity.task_id} is leased to a worker."
        )
    return Liveness("activity_task_ready", f"Activity task {activity.task_id} is ready to run.")
