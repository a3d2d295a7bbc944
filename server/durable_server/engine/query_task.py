"""Query tasks: what a client asks a workflow's code, until a worker answers or nobody waits.

Ephemeral and beside the runs: nothing here reads or writes a run, so that a query cannot change
one. A row is leased, answered and removed; it has no event.
"""

from typing import Any, NamedTuple

from durable_server.clock import SECOND, to_micro_text
from durable_server.engine.tasks import Holder
from durable_server.refusal import Refusal

OPEN = ("ready", "leased")
# How long a row is kept after its end, so that a late or repeated report is told what happened.
ENDED_SECONDS = 60


class QueryTask(NamedTuple):
    """A query on its way. Key: shard, query_task_id.

    status: ready | leased | completed | failed | timed_out. `deadline_at`: when its caller waits
    no more. `expires_at`: when the row may be removed. `result`, `failure`: JSON texts.
    """

    shard: int
    query_task_id: str
    namespace: str
    task_queue: str
    workflow_id: str
    run_id: str
    type_name: str
    build_id: str | None
    query_name: str
    codec: str
    arguments: str
    status: str
    attempt: int
    lease_owner: str | None
    lease_expires_at: int | None
    poll_request_id: str | None
    created_at: int
    deadline_at: int
    expires_at: int
    result: str | None
    result_codec: str | None
    result_blob: str | None
    failure: str | None
    trace: str | None = None

    @property
    def task_id(self) -> str:
        """The id by which every leased task is known to matching."""
        return self.query_task_id

    @property
    def answered(self) -> bool:
        """Whether a worker has reported."""
        return self.status in ("completed", "failed")

    def is_free(self, now: int) -> bool:
        """Whether it may be leased: nobody holds it, and somebody still waits for it."""
        if self.deadline_at <= now or self.status not in OPEN:
            return False
        return self.status == "ready" or (self.lease_expires_at or 0) <= now


class Question(NamedTuple):
    """What a client asks, and for how long it waits. `codec` plain: not encoded yet."""

    shard: int
    query_task_id: str
    namespace: str
    task_queue: str
    workflow_id: str
    run_id: str
    type_name: str
    build_id: str | None
    query_name: str
    codec: str
    arguments: str
    wait_seconds: int
    keep_seconds: int
    trace: str | None = None


class Claim(NamedTuple):
    """What a worker echoes to prove that it holds a query task."""

    namespace: str
    query_task_id: str
    lease_owner: str
    attempt: int


class Result(NamedTuple):
    """What a worker answers: JSON text, and the same encoded; each may be absent."""

    result: str | None
    codec: str | None
    blob: str | None


def ask(question: Question, now: int) -> QueryTask:
    """A query that waits for a worker from now on."""
    asked = question._asdict()
    deadline_at = now + asked.pop("wait_seconds") * SECOND
    keep_until = now + asked.pop("keep_seconds") * SECOND
    return QueryTask(
        **asked,
        status="ready",
        attempt=0,
        lease_owner=None,
        lease_expires_at=None,
        poll_request_id=None,
        created_at=now,
        deadline_at=deadline_at,
        expires_at=max(keep_until, deadline_at + ENDED_SECONDS * SECOND),
        result=None,
        result_codec=None,
        result_blob=None,
        failure=None,
    )


def lease(task: QueryTask, now: int, seconds: int, holder: Holder) -> QueryTask:
    """Hand a free task to a worker; never for longer than its caller waits."""
    return task._replace(
        status="leased",
        attempt=task.attempt + 1,
        lease_owner=holder.worker_id,
        lease_expires_at=min(now + seconds * SECOND, task.deadline_at),
        poll_request_id=holder.poll_request_id,
    )


def guard(task: QueryTask | None, now: int, claim: Claim) -> QueryTask:
    """The task, if this claim still holds it; else a refusal that says what happened."""
    task = owned(task, claim)
    reason = why_not(task, now)
    if reason == "query_task_timed_out":
        raise Refusal("query_task_timed_out", **_told(claim))
    if reason == "query_task_not_leased":
        raise Refusal("query_task_not_leased", **_told(claim))
    if reason == "lease_expired":
        ended_at = to_micro_text(task.lease_expires_at or 0)
        raise Refusal("lease_expired.query", **_told(claim), lease_expires_at=ended_at)
    return task


def owned(task: QueryTask | None, claim: Claim) -> QueryTask:
    """The task, if this claim is the last that was given for it."""
    if task is None or task.namespace != claim.namespace:
        raise not_found(claim.query_task_id)
    if task.status == "ready":
        raise Refusal("query_task_not_leased", **_told(claim))
    if task.lease_owner != claim.lease_owner:
        owner = task.lease_owner
        raise Refusal("lease_owner_mismatch.query", **_told(claim), lease_owner=owner)
    if task.attempt != claim.attempt:
        attempt = task.attempt
        raise Refusal("query_task_attempt_mismatch", **_told(claim), current_attempt=attempt)
    return task


def not_found(query_task_id: str) -> Refusal:
    """There is no such query task, or not any more."""
    return Refusal(
        "query_task_not_found", query_task_id=query_task_id, outcome="rejected", status=404
    )


def complete(task: QueryTask | None, now: int, claim: Claim, result: Result) -> QueryTask:
    """Take a worker's answer."""
    held = guard(task, now, claim)
    return _ended(held, now, "completed")._replace(
        result=result.result, result_codec=result.codec, result_blob=result.blob
    )


def fail(task: QueryTask | None, now: int, claim: Claim, failure: str) -> QueryTask:
    """Take note that a worker cannot answer; `failure` is the JSON text of its report."""
    held = guard(task, now, claim)
    return _ended(held, now, "failed")._replace(failure=failure)


def give_back(task: QueryTask | None, claim: Claim) -> QueryTask | None:
    """A lease nobody works on ends, so that others need not wait; None when it is over already."""
    if task is None or task.status != "leased":
        return None
    if (task.lease_owner, task.attempt) != (claim.lease_owner, claim.attempt):
        return None
    return task._replace(
        status="ready", lease_owner=None, lease_expires_at=None, poll_request_id=None
    )


def leave(task: QueryTask | None, now: int) -> QueryTask | None:
    """The caller waits no more: it has its answer, or gave up. Only what is told to a late report
    is kept.
    """
    if task is None:
        return None
    status = task.status if task.answered else "timed_out"
    return _ended(task, now, status)._replace(
        arguments="", result=None, result_codec=None, result_blob=None, failure=None
    )


def why_not(task: QueryTask, now: int) -> str | None:
    """Why an answer of the holder would not be taken any more; None as long as it would."""
    if now >= task.deadline_at or task.status == "timed_out":
        return "query_task_timed_out"
    if task.status != "leased":
        return "query_task_not_leased"
    return "lease_expired" if (task.lease_expires_at or 0) <= now else None


def _ended(task: QueryTask, now: int, status: str) -> QueryTask:
    return task._replace(status=status, expires_at=now + ENDED_SECONDS * SECOND)


def _told(claim: Claim) -> dict[str, Any]:
    return {"query_task_id": claim.query_task_id, "outcome": "rejected", "status": 409}
