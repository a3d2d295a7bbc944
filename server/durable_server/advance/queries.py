"""Carrying out what concerns query tasks: asked, answered and left ones of a batch together.

They lie beside the runs: no run is read, locked or written for them.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from durable_server.advance.batch import Batch
from durable_server.advance.takers import takers_of
from durable_server.engine import query_task
from durable_server.engine.query_task import Claim, QueryTask, Question
from durable_server.engine.tasks import Holder
from durable_server.matching.channels import Channel, LeasedTask, Poll
from durable_server.pending import Pending
from durable_server.refusal import Refusal
from durable_server.store import columns
from durable_server.store.query_tasks import Waiting, count_waiting, next_lease_end
from durable_server.store.transaction import Taker

CANDIDATES_MAX = 64
KIND = "query"


@dataclass(slots=True)
class AskQuery:
    """A client asks; answered once the question is stored, and with it handed to a parked poll.

    `shard` decides the lane: that of the task queue, so that one process counts exactly how many
    questions wait for it.
    """

    question: Question
    pending: Pending = field(default_factory=Pending)

    @property
    def shard(self) -> int:
        """The lane's number, the one that serves the polls of the same task queue."""
        return lane_number(channel_of(self.question))


@dataclass(slots=True)
class ChangeQuery:
    """A report on a query task, or its end; answered with the task as it was found.

    `change(task, now)` gives the changed task, None when there is nothing to do, or refuses.
    """

    shard: int
    query_task_id: str
    change: Callable[[QueryTask | None, int], QueryTask | None]
    pending: Pending = field(default_factory=Pending)


def lane_number(channel: Channel) -> int:
    """Which lane serves the polls of a channel, before it is brought into their number."""
    return zlib.crc32("\0".join(channel).encode("utf-8", "surrogatepass"))


def channel_of(asked: Question | QueryTask) -> Channel:
    """The channel that polls for a query are parked on."""
    return Channel(asked.namespace, asked.task_queue, KIND)


def return_query(task: QueryTask) -> ChangeQuery:
    """Give a lease back whose worker is gone."""
    claim = Claim(task.namespace, task.query_task_id, task.lease_owner or "", task.attempt)
    return ChangeQuery(
        task.shard, task.query_task_id, lambda found, now: query_task.give_back(found, claim)
    )


def carry_out(tx: Any, batch: Batch, items: list[AskQuery | ChangeQuery]) -> None:
    """Decide and write the items of a batch; a refused one leaves no trace."""
    changes = [item for item in items if isinstance(item, ChangeQuery)]
    keys = sorted({(item.shard, item.query_task_id) for item in changes})
    found = {(task.shard, task.query_task_id): task for task in tx.lock_query_tasks(keys)}
    changed: dict[tuple[int, str], QueryTask] = {}
    for change in changes:
        key = (change.shard, change.query_task_id)
        before = changed.get(key, found.get(key))
        try:
            after = change.change(before, batch.moment.now)
        except Refusal as refusal:
            batch.answers.append((change.pending, None, refusal))
            continue
        batch.answers.append((change.pending, before, None))
        if after is not None:
            changed[key] = after
    _write(tx, batch, "update", list(changed.values()))
    _ask(tx, batch, [item for item in items if isinstance(item, AskQuery)])


def _ask(tx: Any, batch: Batch, items: list[AskQuery]) -> None:
    limit, now = batch.moment.limits.query_tasks_max, batch.moment.now
    queues: dict[Channel, Waiting] = {}
    asked: list[QueryTask] = []
    for item in items:
        channel, question = channel_of(item.question), item.question
        if channel not in queues:
            queues[channel] = count_waiting(tx, *channel[:2], now, limit)
        waiting = queues[channel]
        if waiting.all >= limit:
            refusal = Refusal("query_task_queue_full", **told(question), limit=limit)
            batch.answers.append((item.pending, None, refusal))
            continue
        task = query_task.ask(question, now)
        # One that nobody has taken yet comes before this one; a claim serves them in order.
        poll = _poll_for(batch, channel, task) if waiting.free == 0 else None
        free = waiting.free + (poll is None)
        queues[channel] = Waiting(waiting.all + 1, free)
        asked.append(task if poll is None else _lease(batch, task, poll))
        batch.answers.append((item.pending, asked[-1], None))
    _write(tx, batch, "insert", asked)


def _poll_for(batch: Batch, channel: Channel, task: QueryTask) -> Poll | None:
    poll: Poll | None = batch.matcher.take(channel, task.type_name, task.build_id)
    return poll


def claim_queries(tx: Any, batch: Batch, channel: Channel) -> None:
    """Lease free query tasks of the channel to its parked polls; note how the queue was found."""
    matcher = batch.matcher
    version = matcher.start_claim(channel)
    _give_again(tx, batch, channel)
    polls = matcher.waiting(channel)
    exhausted, next_due_at = False, None
    if polls:
        looked = [_claim_for(tx, batch, channel, *each) for each in takers_of(polls)]
        exhausted = all(looked)
        next_due_at = next_lease_end(tx, *channel[:2], batch.moment.now)
    batch.claims.append(lambda: matcher.end_claim(channel, version, exhausted, next_due_at))


def _claim_for(tx: Any, batch: Batch, channel: Channel, taker: Taker, polls: int) -> bool:
    """Lease what one taker may be given to its polls; whether nothing is left for it."""
    limit = min(polls, CANDIDATES_MAX)
    free = tx.claimable_query_tasks(channel[:2], batch.moment.now, limit, taker)
    leased = []
    for task in free:
        poll = batch.matcher.take(channel, task.type_name, task.build_id)
        if poll is not None:
            leased.append(_lease(batch, task, poll))
    _write(tx, batch, "update", leased)
    return len(free) < limit and len(leased) == len(free)


def _give_again(tx: Any, batch: Batch, channel: Channel) -> None:
    """A poll that is repeated with its id gets the query task that it was leased already."""
    repeated = {
        (*channel[:2], poll.worker.worker_id, poll.poll_request_id): poll
        for poll in batch.matcher.waiting(channel)
        if poll.poll_request_id is not None and not poll.looked_up
    }
    batch.claims.append(lambda: _note_looked_up(list(repeated.values())))
    for task in tx.fetch("query_tasks_leased_to", list(repeated)):
        poll = repeated[(*channel[:2], task.lease_owner, task.poll_request_id)]
        if query_task.why_not(task, batch.moment.now) is None and batch.matcher.withdraw(poll):
            batch.taken.append(poll)
            batch.answers.append((poll.pending, LeasedTask(task, None, None, []), None))


def _note_looked_up(polls: list[Poll]) -> None:
    for poll in polls:
        poll.looked_up = True


def _lease(batch: Batch, task: QueryTask, poll: Poll) -> QueryTask:
    batch.taken.append(poll)
    worker = poll.worker
    holder = Holder(worker.worker_id, worker.sdk_version, worker.framing, poll.poll_request_id)
    seconds = batch.moment.limits.query_task_lease_seconds
    leased = query_task.lease(task, batch.moment.now, seconds, holder)
    batch.answers.append((poll.pending, LeasedTask(leased, None, None, []), None))
    return leased


def _write(tx: Any, batch: Batch, verb: str, tasks: list[QueryTask]) -> None:
    if not tasks:
        return
    table = columns.QUERY_TASKS
    rows = [table.to_row(task) for task in tasks]
    if verb == "update":
        rows = [table.pick_kept(row) for row in rows]
    tx.write_rows(f"{verb}_{table.name}", rows)
    for task in tasks:
        batch.queries[(task.shard, task.query_task_id)] = task


def told(asked: Question | QueryTask) -> dict[str, Any]:
    """What every refusal of a query says of whom it was asked."""
    return {
        "workflow_id": asked.workflow_id,
        "run_id": asked.run_id,
        "target_scope": "instance",
        "query_name": asked.query_name,
        "result": None,
        "namespace": asked.namespace,
        "task_queue": asked.task_queue,
        "workflow_type": asked.type_name,
    }
