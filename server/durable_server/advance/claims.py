"""Claiming the backlog of a queue for all polls that are parked on it, in one go.

Candidates are read without a lock; their runs are locked with SKIP LOCKED, so that a claim never
waits for another writer; then the tasks are read again under the lock and leased.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from durable_server.advance.admission import Ledger
from durable_server.advance.batch import Batch, Handed
from durable_server.advance.load import load_counterparts
from durable_server.advance.takers import takers_of
from durable_server.engine.run_state import RunState, Task
from durable_server.matching.admission import Limits
from durable_server.matching.channels import Channel, Poll
from durable_server.pending import Pending
from durable_server.store.transaction import Taker

CANDIDATES_MAX = 64


@dataclass(slots=True)
class ClaimTasks:
    """The wish to serve the polls parked on a channel from what is stored."""

    channel: Channel
    pending: Pending = field(default_factory=Pending)


def claim(tx: Any, batch: Batch, wish: ClaimTasks) -> None:
    """Lease ready tasks of the channel to its parked polls; note how the queue was found."""
    matcher, channel = batch.matcher, wish.channel
    version = matcher.start_claim(channel)
    polls = matcher.waiting(channel)
    found = Found(False, None)
    if polls:
        _give_again(tx, batch, channel, polls)
        polls = matcher.waiting(channel)
    if polls:
        found = _serve(tx, batch, channel, polls)
    batch.claims.append(
        lambda: matcher.end_claim(channel, version, found.exhausted, matcher.in_time(found.wait))
    )


class Found(NamedTuple):
    """How a queue was found: nothing more for these polls now, or not before some microseconds."""

    exhausted: bool
    wait: int | None


def _serve(tx: Any, batch: Batch, channel: Channel, polls: list[Poll]) -> Found:
    limits = None if batch.admission is None else batch.admission.limited(channel)
    if limits is None:
        looked = [_claim_for(tx, batch, channel, *each) for each in takers_of(polls)]
        return Found(all(exhausted for exhausted, _ in looked), None)
    return _serve_within(tx, batch, channel, polls, limits)


def _serve_within(
    tx: Any, batch: Batch, channel: Channel, polls: list[Poll], limits: Limits
) -> Found:
    """Lease no more than the limits of the queue leave; a full one counts as found empty."""
    if batch.ledger is None:
        batch.ledger = Ledger(tx, batch.moment.now)
    grant = batch.ledger.grant(channel, limits)
    if grant is None:
        return Found(False, None)
    room, exhausted = grant.room, True
    for taker, waiting in takers_of(polls):
        if room > 0:
            looked, leased = _claim_for(tx, batch, channel, taker, min(waiting, room))
            exhausted, room = exhausted and looked, room - leased
    leased = grant.room - room
    if leased:
        batch.ledger.took(channel, limits, leased)
    if room > 0:
        return Found(exhausted, None)
    # What is left may go when a lease ends, of which the matcher is told, or with a new minute.
    spent = grant.dispatches is not None and leased >= grant.dispatches
    return Found(True, grant.minute_left if spent else None)


def _claim_for(
    tx: Any, batch: Batch, channel: Channel, taker: Taker, polls: int
) -> tuple[bool, int]:
    """Lease what one taker may be given to its polls; whether nothing is left for it, and how many
    were leased.
    """
    limit = min(polls, CANDIDATES_MAX)
    candidates = tx.claimable(channel, batch.moment.now, limit, taker)
    leased = _lease(tx, batch, candidates)
    return len(candidates) < limit and leased == len(candidates), leased


def _lease(tx: Any, batch: Batch, candidates: list[Task]) -> int:
    """Lease what is still to be had; returns how many found a worker."""
    if not candidates:
        return 0
    _at_hand(tx, batch, candidates, skip_locked=True)
    leased = 0
    for candidate in candidates:
        key = (candidate.shard, candidate.run_id)
        state = batch.loaded.states.get(key)
        task = state.tasks.get(candidate.task_id) if state is not None else None
        if task is None or task.status != "ready":
            continue
        channel = Channel(task.namespace, task.task_queue, task.kind)
        poll = batch.matcher.take(channel, task.type_name, task.build_id)
        if poll is None:
            continue
        if batch.lease(key, task.task_id, poll):
            leased += 1
        else:
            batch.taken.remove(poll)
            batch.matcher.give_back(poll)
    return leased


def _at_hand(tx: Any, batch: Batch, tasks: list[Task], *, skip_locked: bool) -> None:
    """Lock the runs of these tasks and read what a lease needs."""
    loaded = batch.loaded
    unknown = {
        (task.shard, task.run_id)
        for task in tasks
        if (task.shard, task.run_id) not in loaded.states
    }
    for run in tx.lock_runs(sorted(unknown), [], [], skip_locked=skip_locked):
        loaded.states[(run.shard, run.run_id)] = RunState(run)
    keys = [
        (task.shard, task.task_id) for task in tasks if (task.shard, task.run_id) in loaded.states
    ]
    loaded.add("tasks", tx.fetch("tasks_by_id", keys))
    load_counterparts(tx, loaded)


def _give_again(tx: Any, batch: Batch, channel: Channel, polls: list[Poll]) -> None:
    """A poll that is repeated with its id gets the task that it was already leased.

    Each poll is looked up once: what it is leased later, it is handed.
    """
    repeatable = {
        (channel.namespace, poll.worker.worker_id, poll.poll_request_id): poll
        for poll in polls
        if poll.poll_request_id is not None and not poll.looked_up
    }
    batch.claims.append(lambda: _note_looked_up(repeatable.values()))
    if not repeatable:
        return
    leased = [
        (repeatable[(channel.namespace, task.lease_owner, task.poll_request_id)], task)
        for task in tx.leased_to(list(repeatable))
    ]
    found = [(p, task) for p, task in leased if task.kind in {each.kind for each in p.channels}]
    if not found:
        return
    _at_hand(tx, batch, [task for _, task in found], skip_locked=False)
    for poll, task in found:
        state = batch.loaded.states.get((task.shard, task.run_id))
        current = state.tasks.get(task.task_id) if state is not None else None
        if state is None or current is None or not _still_held(current, task, batch.moment.now):
            continue
        if batch.matcher.withdraw(poll):
            batch.taken.append(poll)
            batch.handed.append(Handed(poll, task.task_id, state.run))


def _note_looked_up(polls: Iterable[Poll]) -> None:
    for poll in polls:
        poll.looked_up = True


def _still_held(current: Task, task: Task, now: int) -> bool:
    return (
        current.status == "leased"
        and current.attempt == task.attempt
        and current.lease_owner == task.lease_owner
        and (current.lease_expires_at or 0) > now
    )
