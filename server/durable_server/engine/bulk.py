"""Bulk operations: one request carried out on every open run that matches a query.

Theory of operation. An operation addresses the open runs that match when it comes to them and were
started before it was asked for, newest first, so that it ends. Whoever holds its lease takes the
next batch, writes it down, carries it out and settles it. A batch that is found written down was
begun by somebody who is gone: it is carried out again, and what each run was told the first time
is recognised by the mark of the operation, so that nothing is done or counted twice.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from durable_server.clock import SECOND

KINDS = ("cancel", "terminate", "signal")
RATE_DEFAULT = 100
BATCH_MAX = 100
MATCHED_MAX = 100_000
SAMPLE_MAX = 20
REASONS_MAX = 50
LEASE_SECONDS = 20
AGAIN_SECONDS = 1
DONE, SKIPPED, LEFT = "done", "skipped", "left"


class Target(NamedTuple):
    """A run that an operation is to address."""

    shard: int
    run_id: str
    workflow_id: str
    workflow_type: str


class BulkOperation(NamedTuple):
    """Key: namespace, operation_id. kind: cancel | terminate | signal. status: running | completed
    | stopped | failed.

    input, command, failures, cursor, batch: JSON text. `rate`: runs per second. `matched`: how many
    runs matched when it was asked for, `matched_exact` whether all of them were counted. `cursor`:
    behind which run the next batch begins. `batch`: the targets that are being carried out.
    """

    namespace: str
    operation_id: str
    kind: str
    query: str
    reason: str | None
    signal_name: str | None
    input: str | None
    request_id: str | None
    fingerprint: str
    command: str
    runs_max: int | None
    rate: int
    status: str
    closed_reason: str | None
    matched: int
    matched_exact: bool
    done: int
    skipped: int
    failed: int
    failures: str
    cursor: str | None
    batch: str | None
    lease_owner: str | None
    lease_expires_at: int | None
    due_at: int
    created_at: int
    updated_at: int
    closed_at: int | None

    @property
    def mark(self) -> dict[str, str]:
        """How what it does names it."""
        return {"bulk_operation": self.operation_id}

    @property
    def signal_id(self) -> str:
        """What its signal is known by within each workflow."""
        return f"bulk:{self.operation_id}"

    @property
    def dealt_with(self) -> int:
        """How many runs it has come to."""
        return self.done + self.skipped + self.failed

    @property
    def targets(self) -> list[Target]:
        """The batch that is being carried out."""
        return [Target(*each) for each in orjson.loads(self.batch or "[]")]


class Result(NamedTuple):
    """What became of a target: DONE, SKIPPED, LEFT, or the reason for which it failed."""

    target: Target
    what: str


def batch_size(operation: BulkOperation) -> int:
    """How many runs the next batch may have; 0 when the operation has come to all it may."""
    size = min(BATCH_MAX, operation.rate)
    if operation.runs_max is not None:
        size = min(size, operation.runs_max - operation.dealt_with)
    return max(size, 0)


def taken(operation: BulkOperation, targets: Iterable[Target], cursor: str) -> BulkOperation:
    """The operation with its next batch, and where the one after it begins."""
    return operation._replace(
        batch=orjson.dumps([[*each] for each in targets]).decode(), cursor=cursor
    )


def settled(operation: BulkOperation, results: list[Result], now: int) -> BulkOperation:
    """The operation after a batch; what could not be carried out now stays in it."""
    done = sum(each.what == DONE for each in results)
    skipped = sum(each.what == SKIPPED for each in results)
    left = [each.target for each in results if each.what == LEFT]
    failed = [each for each in results if each.what not in (DONE, SKIPPED, LEFT)]
    pause = SECOND * (len(results) - len(left)) // operation.rate
    return operation._replace(
        done=operation.done + done,
        skipped=operation.skipped + skipped,
        failed=operation.failed + len(failed),
        failures=_noted(operation.failures, failed),
        batch=orjson.dumps([[*each] for each in left]).decode() if left else None,
        due_at=now + (AGAIN_SECONDS * SECOND if left else pause),
        updated_at=now,
    )


def closed(operation: BulkOperation, status: str, reason: str | None, now: int) -> BulkOperation:
    """The operation once nothing of it is carried out any more."""
    return operation._replace(
        status=status, closed_reason=reason, batch=None, updated_at=now, closed_at=now
    )


def seconds_left(operation: BulkOperation) -> int | None:
    """How long the rest takes at least, as far as was counted; None once nothing is done any more.

    What was done so far tells the speed, unless that is more than is allowed.
    """
    if operation.status != "running":
        return None
    left = max(expected(operation) - operation.dealt_with, 0)
    return -(-left // max(1, min(operation.rate, round(speed(operation)) or operation.rate)))


def speed(operation: BulkOperation) -> float:
    """Runs per second so far."""
    seconds = max(operation.updated_at - operation.created_at, SECOND // 10) / SECOND
    return operation.dealt_with / seconds


def expected(operation: BulkOperation) -> int:
    """How many runs it will come to, as far as was counted."""
    counted = operation.matched
    return counted if operation.runs_max is None else min(counted, operation.runs_max)


def _noted(failures: str, failed: list[Result]) -> str:
    """The failures with these: how many for each reason, and the first few of all."""
    known: dict[str, Any] = orjson.loads(failures)
    reasons, sample = known["by_reason"], known["sample"]
    for target, reason in failed:
        name = reason if reason in reasons or len(reasons) < REASONS_MAX else "other"
        reasons[name] = reasons.get(name, 0) + 1
        if len(sample) < SAMPLE_MAX:
            place = {"workflow_id": target.workflow_id, "run_id": target.run_id}
            sample.append({**place, "reason": reason})
    return orjson.dumps(known).decode()


NO_FAILURES = '{"by_reason":{},"sample":[]}'
