"""Updates that a worker judges before they are accepted, where the workflow's type wants that.

The client is not answered, and the history knows nothing of the update, until a worker has run the
type's own validator on the state that the history yields. What it approves is accepted like any
other update; what it refuses leaves no trace in the history, but its verdict is kept, so that the
request asked again is answered alike. When nobody judges in time the request is over, and may be
asked again. The task of a judgement has the id of its update.
"""

from typing import Any, NamedTuple

import orjson

from durable_server.engine import tasks, update
from durable_server.engine.decision import Decision, Draft, Moment
from durable_server.engine.run_state import RunState, Task, Update
from durable_server.engine.update import JUDGED
from durable_server.engine.update_events import OPEN, VALIDATING, unjudged
from durable_server.refusal import Refusal

LEASE_SECONDS = 30
REFUSED = "update_validator_rejected"
NOT_CLAIMED = "update_validation_task_not_claimed"
TOO_SLOW = "update_validation_execution_timeout"


class Verdict(NamedTuple):
    """A worker's judgement; `failure` is None when it approves, else says why it does not."""

    task_id: str
    lease_owner: str
    attempt: int
    failure: dict[str, Any] | None
    digest: str


def lease(state: RunState, moment: Moment, task: Task, holder: tasks.Holder) -> Decision:
    """Hand the judgement to a worker; it runs beside the workflow's own tasks."""
    draft = Draft(state, moment)
    draft.put_task(tasks.leased(task, holder, draft, LEASE_SECONDS))
    return draft.done()


def release(state: RunState, moment: Moment, task: Task) -> Decision:
    """Offer the judgement again: its lease ended, or its worker never received it."""
    draft = Draft(state, moment)
    draft.put_task(tasks.released(task, moment.now))
    return draft.done(True)


def judge(state: RunState | None, moment: Moment, verdict: Verdict) -> Decision:
    """Accept the update, or end the request for it; a repeat of the report is answered alike."""
    known = state.tasks.get(verdict.task_id) if state is not None else None
    if state is not None and known is not None:
        owner, attempt = verdict.lease_owner, verdict.attempt
        answer = tasks.repeated_answer(known, owner, attempt, verdict.digest)
        if answer is not None:
            return Draft(state, moment).done(answer)
    judged = state.updates.get(verdict.task_id) if state is not None else None
    task = _guard(known, judged, moment, verdict)
    assert state is not None and judged is not None
    draft = Draft(state, moment)
    answer = {
        "update_validation_task_id": verdict.task_id,
        "update_validation_attempt": verdict.attempt,
        "outcome": "approved" if verdict.failure is None else "rejected",
        "recorded": True,
        "reason": None if verdict.failure is None else verdict.failure["reason"],
    }
    text = orjson.dumps(answer).decode()
    draft.put_task(task._replace(status="completed", digest=verdict.digest, answer=text))
    if verdict.failure is None:
        _approve(draft, judged)
    elif verdict.failure["reason"] == REFUSED:
        draft.run.open_updates -= 1
        told = orjson.dumps(verdict.failure).decode()
        draft.put_update(judged._replace(status="rejected", failure=told, closed_at=draft.now))
    else:
        draft.run.open_updates -= 1
        draft.put_update(unjudged(judged, draft.now, verdict.failure))
    return draft.done(answer)


def withdraw(state: RunState | None, moment: Moment, update_id: str) -> Decision | None:
    """The client waits no more: what nobody has judged yet, nobody will. Answers the update."""
    asked = state.updates.get(update_id) if state is not None else None
    if state is None or asked is None:
        return None
    draft = Draft(state, moment)
    if asked.status != VALIDATING:
        return draft.done(asked)
    task = draft.task(update_id)
    draft.put_task(task._replace(status="cancelled"))
    draft.run.open_updates -= 1
    reason = TOO_SLOW if task.status == "leased" else NOT_CLAIMED
    ended = unjudged(asked, draft.now, {"reason": reason})
    draft.put_update(ended)
    return draft.done(ended)


def _approve(draft: Draft, judged: Update) -> None:
    """The update counts from now on, behind whatever the run was told meanwhile."""
    number = draft.take_command()
    command = {**orjson.loads(judged.command or "{}"), "sequence": number}
    accepted = judged._replace(
        status=OPEN,
        recorded=False,
        command_sequence=number,
        command=orjson.dumps(command).decode(),
        accepted_at=draft.now,
    )
    update.take_in(draft, accepted, new=False)


def _guard(task: Task | None, judged: Update | None, moment: Moment, verdict: Verdict) -> Task:
    """The task, if this worker holds it by this lease."""
    echoed = {
        "update_validation_task_id": verdict.task_id,
        "update_validation_attempt": verdict.attempt,
    }
    if task is None or task.kind != JUDGED or judged is None:
        raise Refusal("update_validation_task_not_found", **echoed)
    if task.status == "completed":
        raise Refusal("duplicate_update_validation_completion", **echoed)
    if task.attempt != verdict.attempt:
        current = task.attempt
        raise Refusal("stale_update_validation_completion", **echoed, current_attempt=current)
    open_still = task.status == "leased" and judged.status == VALIDATING
    if not open_still or task.lease_expires_at is None:
        raise Refusal("update_validation_task_not_leased", **echoed)
    if task.lease_owner != verdict.lease_owner:
        owner = task.lease_owner
        raise Refusal("lease_owner_mismatch.update_validation", **echoed, lease_owner=owner)
    if task.lease_expires_at <= moment.now:
        raise Refusal("update_validation_lease_expired", **echoed)
    return task
