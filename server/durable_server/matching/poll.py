"""How a poll waits: park, hold, and give a task back whose client is gone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from durable_server.advance.intents import ReturnTask
from durable_server.matching.channels import LeasedTask, Poll
from durable_server.matching.repeats import Key, key_of
from durable_server.matching.timing import wait_at_most
from durable_server.pending import Pending
from durable_server.server import Server
from durable_server.store import tasks as stored_tasks

PROBE_SECONDS_MAX = 2.0
SHARED_EXTRA_SECONDS = 0.25
Lost = Callable[[Callable[[], None]], None]


@dataclass(slots=True)
class Waiting:
    """One poll on its way: what it was given, and whether that still has to reach its client."""

    server: Server
    poll: Poll
    key: Key | None = None
    leased: LeasedTask | None = None
    shared: bool = False
    returned: bool = False

    def expire(self) -> Pending | None:
        """The time is over: the poll is answered with nothing, unless a lane has it."""
        return self.poll.pending if self.server.matcher.expire(self.poll) else None

    def lose(self) -> None:
        """The client is gone: no task for it, and one it was given goes back."""
        if self.server.matcher.lose(self.poll):
            self.poll.pending.answer(None)
        elif self.leased is not None:
            self.give_back()

    def give_back(self) -> None:
        """Give the lease back at once, so that another worker need not wait for its end."""
        if self.leased is None or self.shared or self.returned:
            return
        self.returned = True
        if self.key is not None:
            self.server.matcher.repeats.forget(self.key)
        task = self.leased.task
        self.server.lanes.put(
            ReturnTask(
                shard=task.shard,
                task_id=task.task_id,
                lease_owner=task.lease_owner,
                attempt=task.attempt,
            )
        )


async def wait_for_task(
    server: Server, poll: Poll, wait_seconds: float | None, lost: Lost
) -> LeasedTask | None:
    """A task leased to this poll's worker, or None when none came in time.

    A repeat of a poll (same worker, channel and request id) shares its wait, or gets the same
    task again as long as the lease lasts.
    """
    seconds = server.settings.worker_poll_timeout if wait_seconds is None else wait_seconds
    key = key_of(poll)
    if key is None:
        return await _wait(Waiting(server, poll), seconds, lost)
    known = server.matcher.repeats.begin(key)
    if known is None:
        return await _wait(Waiting(server, poll, key), seconds, lost)
    if isinstance(known, Pending):
        result: LeasedTask | None = await wait_at_most(
            server.matcher.timers, known, seconds + SHARED_EXTRA_SECONDS
        )
        return result
    if known.leased is None or await _still_held(server, known.leased):
        return known.leased
    server.matcher.repeats.forget(key)
    return await wait_for_task(server, poll, wait_seconds, lost)


async def _wait(waiting: Waiting, seconds: float, lost: Lost) -> LeasedTask | None:
    server, poll = waiting.server, waiting.poll
    poll.probe = seconds <= 0
    remember = False
    try:
        server.matcher.park(poll)
        lost(waiting.lose)
        hold = PROBE_SECONDS_MAX if poll.probe else seconds
        alarm = server.matcher.timers.call_in(hold, waiting.expire)
        try:
            waiting.leased = await poll.pending
        finally:
            server.matcher.timers.cancel(alarm)
        remember = not poll.lost and (waiting.leased is not None or not poll.probe)
    finally:
        if waiting.key is not None:
            sharers = server.matcher.repeats.finish(waiting.key, waiting.leased, remember=remember)
            waiting.shared = sharers > 0
        if poll.lost:
            waiting.give_back()
    return waiting.leased


async def _still_held(server: Server, leased: LeasedTask) -> bool:
    """Whether the task is still leased as it was when it was handed out."""
    now = await server.read(_lease_of, leased.task.shard, leased.task.task_id)
    task = leased.task
    held = (task.status, task.lease_owner, task.attempt) == now[:3]
    return held and (now[3] or 0) > server.clock.now()


def _lease_of(tx: Any, shard: int, task_id: str) -> tuple[Any, Any, Any, Any]:
    found = stored_tasks.find_task(tx, shard, task_id)
    if found is None:
        return (None, None, None, None)
    task = found[1]
    return (task.status, task.lease_owner, task.attempt, task.lease_expires_at)
