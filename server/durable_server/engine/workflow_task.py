"""Workflow tasks in the hands of a worker: from the lease to completion, failure or release."""

from typing import Any

import orjson

from durable_server.clock import SECOND, to_micro_text
from durable_server.engine import bounds, commands, inbox, steps, tasks
from durable_server.engine.closing import fail_for_history
from durable_server.engine.decision import Decision, Draft, Moment
from durable_server.engine.resume import resume_run
from durable_server.engine.run_state import Run, RunState, Task
from durable_server.refusal import Refusal

WAITING_FOR_HISTORY = "WorkflowTaskWaitingForHistory"


def lease(state: RunState, moment: Moment, task: Task, holder: tasks.Holder) -> Decision:
    """Hand a ready workflow task to a worker, whose dialect the run speaks from now on."""
    draft = Draft(state, moment)
    run = draft.run
    run.task_leased = True
    run.framing = run.framing or holder.framing
    if run.payload_codec == "plain":
        run.payload_codec = run.framing
    run.sdk_version = holder.sdk_version
    draft.put_task(tasks.leased(task, holder, draft, moment.limits.workflow_task_lease_seconds))
    return draft.done()


def guard(
    state: RunState | None, moment: Moment, task_id: str, lease_owner: str, attempt: int
) -> Task:
    """The task, if this worker holds it by this lease; refuses in the documented order."""
    echoed = {"task_id": task_id, "workflow_task_attempt": attempt}
    task = state.tasks.get(task_id) if state is not None else None
    if state is None or task is None or task.kind != "workflow":
        raise Refusal("task_not_found.workflow", **echoed)
    if task.status != "leased" or task.lease_expires_at is None:
        if state.run.closed:
            raise Refusal("run_closed", **echoed, **stop_facts(state.run, task))
        raise Refusal("task_not_leased", **echoed)
    if task.lease_expires_at <= moment.now:
        raise Refusal(
            "lease_expired",
            **echoed,
            task_status="leased",
            lease_owner=task.lease_owner,
            lease_expires_at=to_micro_text(task.lease_expires_at),
        )
    if task.lease_owner != lease_owner:
        raise Refusal("lease_owner_mismatch.workflow", **echoed, lease_owner=task.lease_owner)
    if task.attempt != attempt:
        raise Refusal("workflow_task_attempt_mismatch", **echoed, current_attempt=task.attempt)
    return task


def stop_facts(run: Run, task: Task) -> dict[str, Any]:
    """What a worker is told that still works for a closed run."""
    stopped = run.status in ("cancelled", "terminated")
    return {
        "stop_reason": f"run_{run.status}",
        "cancel_requested": stopped,
        "can_continue": False,
        "run_status": run.status,
        "run_closed_reason": run.closed_reason,
        "run_closed_at": to_micro_text(run.closed_at) if run.closed_at else None,
        "task_status": task.status,
        "lease_owner": task.lease_owner,
        # A lease that has ended does not expire any more.
        "lease_expires_at": None,
    }


def heartbeat(
    state: RunState | None, moment: Moment, task_id: str, lease_owner: str, attempt: int
) -> Decision:
    """Extend the lease by its full length."""
    task = guard(state, moment, task_id, lease_owner, attempt)
    assert state is not None
    draft = Draft(state, moment)
    expires_at = moment.now + moment.limits.workflow_task_lease_seconds * SECOND
    draft.put_task(task._replace(lease_expires_at=expires_at))
    return draft.done(
        {
            "task_id": task_id,
            "workflow_task_attempt": attempt,
            "lease_owner": lease_owner,
            "renewed": True,
            "lease_expires_at": to_micro_text(expires_at),
            "run_status": state.run.status,
            "task_status": "leased",
            "reason": None,
        }
    )


def complete(
    state: RunState | None,
    moment: Moment,
    completion: commands.Completion,
) -> Decision:
    """Apply a worker's commands, all or nothing; a repeat of the request gets the same answer."""
    task_id, owner, attempt = completion.task_id, completion.lease_owner, completion.attempt
    known = state.tasks.get(task_id) if state is not None else None
    if state is not None and known is not None:
        answer = tasks.repeated_answer(known, owner, attempt, completion.digest)
        if answer is not None:
            return Draft(state, moment).done(answer)
    task = guard(state, moment, task_id, owner, attempt)
    assert state is not None
    draft = Draft(state, moment)
    run = draft.run
    if run.deadline_at is not None and run.deadline_at <= moment.now:
        raise Refusal("run_timed_out", **_not_recorded(completion, run))
    draft.task_id = task_id
    before = run.last_sequence
    created = commands.apply(draft, completion)
    recorded = run.last_sequence - before
    bounds.keep(draft, "history_transaction_size", 0, recorded, **completion.refused())
    if not run.closed and 0 < moment.limits.history_events_max < run.last_sequence:
        fail_for_history(draft, moment.limits.history_events_max)
    draft.task_id = None
    answer = {
        "task_id": task_id,
        "workflow_task_attempt": attempt,
        "outcome": "completed",
        "recorded": True,
        "run_id": run.run_id,
        "run_status": run.status if run.closed else "waiting",
        "created_task_ids": created,
        "reason": None,
    }
    finished = task._replace(
        status="failed" if run.status == "failed" else "completed",
        failure_count=0,
        last_error=None,
        digest=completion.digest,
        answer=orjson.dumps(answer).decode(),
    )
    draft.put_task(finished)
    if not run.closed:
        run.status = "waiting"
        end_task(draft)
    return draft.done(answer)


def end_task(draft: Draft) -> None:
    """The leased task is over: let in what arrived meanwhile, and wake the run if it was asked."""
    run = draft.run
    requested, ended = run.wake_requested, draft.task(run.task_id or "")
    run.task_id, run.task_leased, run.wake_requested = None, False, False
    steps.let_in(draft)
    inbox.let_in(draft)
    inbox.follow(draft, ended, requested)


def fail(state: RunState | None, moment: Moment, report: commands.TaskFailure) -> Decision:
    """A worker could not carry out the task: offer it again after a growing delay.

    The run is untouched. A worker that only waits for new history is not failing: its task ends.
    """
    known = state.tasks.get(report.task_id) if state is not None else None
    if state is not None and known is not None:
        answer = tasks.repeated_answer(known, report.lease_owner, report.attempt, report.digest)
        if answer is not None:
            return Draft(state, moment).done(answer)
    task = guard(state, moment, report.task_id, report.lease_owner, report.attempt)
    assert state is not None
    draft = Draft(state, moment)
    answer = {
        "task_id": report.task_id,
        "workflow_task_attempt": report.attempt,
        "outcome": "failed",
        "recorded": True,
        "reason": None,
        "next_task_id": None,
    }
    ended = task._replace(digest=report.digest, answer=orjson.dumps(answer).decode())
    draft.put_task(ended._replace(status="failed", last_error=report.message[:1000]))
    if report.failure_type == WAITING_FOR_HISTORY:
        draft.put_task(ended._replace(status="completed"))
        inbox.begin(draft, task, [])
        end_task(draft)
        return draft.done(answer)
    _offer_again(draft, task, report.message)
    return draft.done(answer)


def _offer_again(draft: Draft, task: Task, message: str) -> None:
    """A fresh task in place of the failed one, due after 1, 2, 4 … seconds, at most a minute."""
    failures = task.failure_count + 1
    available_at = draft.now + backoff_seconds(failures, draft.moment) * SECOND
    end_task_quietly(draft)
    if draft.run.closed:
        return
    resume_run(draft, orjson.loads(task.resume) if task.resume else {}, available_at)
    assert draft.run.task_id is not None
    again = draft.task(draft.run.task_id)
    # What arrived meanwhile may have made a task that is due now; it waits all the same.
    draft.put_task(
        again._replace(
            available_at=available_at, failure_count=failures, last_error=message[:1000]
        ),
        new=True,
    )


def backoff_seconds(failures: int, moment: Moment) -> int:
    """How long a task waits that has failed this often in a row."""
    doubled: int = 2 ** min(failures - 1, 30)
    return min(doubled, moment.limits.task_backoff_seconds_max)


def end_task_quietly(draft: Draft) -> None:
    """The leased task is over and another will follow: only let in what arrived meanwhile."""
    run = draft.run
    barriers = run.ready_barriers
    run.task_id, run.task_leased, run.wake_requested = None, False, False
    if barriers:
        steps.let_in(draft)
    inbox.let_in(draft)


def expire(state: RunState, moment: Moment, task: Task) -> Decision:
    """Offer a task again whose worker fell silent; at once, unless that happens again and again.

    A task that kills every worker that takes it must not keep killing them one after the other.
    """
    failures = task.failure_count + 1
    loud = failures - moment.limits.quiet_lease_expiries_max
    delay = backoff_seconds(loud, moment) if loud > 0 else 0
    lost = task._replace(
        failure_count=failures,
        last_error=f"The lease of attempt {task.attempt} ended without a report of its worker.",
    )
    return release(state, moment, lost, delay)


def release(state: RunState, moment: Moment, task: Task, delay_seconds: int = 0) -> Decision:
    """Offer a leased task again: its lease ended, or its worker never received it."""
    draft = Draft(state, moment)
    draft.put_task(tasks.released(task, moment.now + delay_seconds * SECOND))
    run = draft.run
    run.task_leased = False
    run.wake_requested = False
    steps.let_in(draft)
    inbox.let_in(draft)
    return draft.done(True)


def _not_recorded(completion: commands.Completion, run: Run) -> dict[str, Any]:
    return {
        "task_id": completion.task_id,
        "workflow_task_attempt": completion.attempt,
        "outcome": "completed",
        "recorded": False,
        "run_id": run.run_id,
        "run_status": run.status,
        "created_task_ids": [],
    }
