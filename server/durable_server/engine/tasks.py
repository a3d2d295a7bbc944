"""What workflow tasks and activity tasks have in common: being leased, returned and repeated."""

import hashlib
from typing import Any, NamedTuple

import orjson

from durable_server.clock import SECOND
from durable_server.engine.decision import Draft
from durable_server.engine.run_state import Task


class Holder(NamedTuple):
    """The worker that takes a lease, and the poll that asked for it."""

    worker_id: str
    sdk_version: str | None
    framing: str
    poll_request_id: str | None


def digest_of(request: Any) -> str:
    """A fingerprint of the request that finishes a task, to know a repeat by."""
    return hashlib.blake2b(orjson.dumps(request), digest_size=16).hexdigest()


def repeated_answer(task: Task, lease_owner: str, attempt: int, digest: str) -> Any:
    """What the same request was answered when it finished this task, or None."""
    if task.answer is None or task.lease_owner != lease_owner or task.attempt != attempt:
        return None
    return orjson.loads(task.answer) if task.digest == digest else None


def leased(task: Task, holder: Holder, draft: Draft, lease_seconds: int) -> Task:
    """The task in the hands of a worker; leases are counted from 1."""
    return task._replace(
        status="leased",
        attempt=task.attempt + 1,
        leased_at=draft.now,
        lease_owner=holder.worker_id,
        lease_expires_at=draft.now + lease_seconds * SECOND,
        poll_request_id=holder.poll_request_id,
        history_sequence=draft.run.last_sequence,
    )


def released(task: Task, available_at: int) -> Task:
    """The task back on its queue, free for any worker; the count of leases stays."""
    return task._replace(
        status="ready",
        available_at=available_at,
        leased_at=None,
        lease_owner=None,
        lease_expires_at=None,
        poll_request_id=None,
    )
