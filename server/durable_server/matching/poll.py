"""How a poll waits: park, hold, and give a task back whose client is gone."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from durable_server.advance.intents import ReturnTask
from durable_server.advance.queries import ChangeQuery, return_query
from durable_server.engine.query_task import QueryTask
from durable_server.matching.channels import LeasedTask, Poll
from durable_server.matching.repeats import Key, Shared, key_of
from durable_server.matching.timing import wait_at_most
from durable_server.pending import Pending
from durable_server.server import Server
from durable_server.store import query_tasks as stored_query_tasks
from durable_server.store import tasks as stored_tasks

PROBE_SECONDS_MAX = 2.0
SHARED_EXTRA_SECONDS = 0.25
Lost = Callable[[Callable[[], None]], None]


@dataclass(slots=True)
class Waiting:
    """One poll on its way, what it was given, and how many clients still wait for that."""

    server: Server
    poll: Poll
    key: Key | None = None
    leased: LeasedTask | None = None
    clients: int = 0
    returned: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def join(self) -> Callable[[], None]:
        """Another client waits; gives what is to be called when it is gone."""
        with self.lock:
            self.clients += 1
        gone = Once()
        return lambda: self._leave(gone)

    def expire(self) -> Pending | None:
        """The time is over: the poll is answered with nothing, unless a lane has it."""
        return self.poll.pending if self.server.matcher.expire(self.poll) else None

    def give_back_unwanted(self) -> None:
        """If no client is left, give the lease back, so that others need not wait for its end."""
        with self.lock:
            if self.leased is None or self.returned or self.clients > 0:
                return
            self.returned = True
        if self.key is not None:
            self.server.matcher.repeats.forget(self.key)
        self.server.lanes.put(_return_of(self.leased.task))

    def _leave(self, gone: "Once") -> None:
        """A client is gone; with the last one the poll ends."""
        with self.lock:
            if not gone.first():
                return
            self.clients -= 1
            if self.clients > 0:
                return
        if self.server.matcher.lose(self.poll):
            self.poll.pending.answer(None)
        else:
            self.give_back_unwanted()


class Once:
    """Tells the first time apart from the others."""

    __slots__ = ("_done",)

    def __init__(self) -> None:
        self._done = False

    def first(self) -> bool:
        """Whether this was not asked before."""
        done, self._done = self._done, True
        return not done


def _return_of(task: Any) -> ReturnTask | ChangeQuery:
    if isinstance(task, QueryTask):
        return return_query(task)
    return ReturnTask(
        shard=task.shard,
        task_id=task.task_id,
        lease_owner=task.lease_owner,
        attempt=task.attempt,
    )


async def wait_for_task(
    server: Server, poll: Poll, wait_seconds: float | None, lost: Lost
) -> LeasedTask | None:
    """A task leased to this poll's worker, or None when none came in time.

    A repeat of a poll (same worker, channel and request id) shares its wait, or gets the same
    task again as long as the lease lasts.
    """
    seconds = server.settings.worker_poll_timeout if wait_seconds is None else wait_seconds
    await server.rollouts.known()
    if server.rollouts.is_drained(poll):
        await server.rollouts.wait(poll, seconds, lost)
        return None
    waiting = Waiting(server, poll, key_of(poll))
    if waiting.key is None:
        return await _wait(waiting, seconds, lost)
    known = server.matcher.repeats.begin(waiting.key, waiting)
    if known is None:
        return await _wait(waiting, seconds, lost)
    if isinstance(known, Shared):
        return await _share(server, known, seconds, lost)
    leased: LeasedTask | None = known.leased
    if leased is None or await _still_held(server, leased):
        return leased
    server.matcher.repeats.forget(waiting.key)
    return await wait_for_task(server, poll, wait_seconds, lost)


def nothing(server: Server, poll: Poll) -> dict[str, Any]:
    """What a poll is told that got no task."""
    return {
        "task": None,
        "poll_status": "draining" if server.rollouts.is_drained(poll) else "empty",
    }


async def _wait(waiting: Waiting, seconds: float, lost: Lost) -> LeasedTask | None:
    server, poll = waiting.server, waiting.poll
    poll.probe = seconds <= 0
    remember = False
    leave = waiting.join()
    try:
        server.matcher.park(poll)
        lost(leave)
        # Drained after it was looked up, and before it was parked.
        if server.rollouts.is_drained(poll) and server.matcher.withdraw(poll):
            poll.pending.answer(None)
        hold = PROBE_SECONDS_MAX if poll.probe else seconds
        alarm = server.matcher.timers.call_in(hold, waiting.expire)
        try:
            waiting.leased = await poll.pending
        finally:
            server.matcher.timers.cancel(alarm)
        remember = not poll.lost and (waiting.leased is not None or not poll.probe)
    finally:
        if waiting.key is not None:
            server.matcher.repeats.finish(waiting.key, waiting.leased, remember=remember)
        waiting.give_back_unwanted()
    return waiting.leased


async def _share(server: Server, shared: Shared, seconds: float, lost: Lost) -> LeasedTask | None:
    leave = shared.owner.join()
    lost(leave)
    leased: LeasedTask | None = await wait_at_most(
        server.matcher.timers, shared.pending, seconds + SHARED_EXTRA_SECONDS
    )
    if leased is None:
        leave()
    return leased


async def _still_held(server: Server, leased: LeasedTask) -> bool:
    """Whether the task is still leased as it was when it was handed out."""
    task = leased.task
    lease_now = _lease_of_query if isinstance(task, QueryTask) else _lease_of
    now = await server.read(lease_now, task.shard, task.task_id)
    held = (task.status, task.lease_owner, task.attempt) == now[:3]
    return held and (now[3] or 0) > server.clock.now()


def _lease_of(tx: Any, shard: int, task_id: str) -> tuple[Any, Any, Any, Any]:
    found = stored_tasks.find_task(tx, shard, task_id)
    return _lease(None if found is None else found[1])


def _lease_of_query(tx: Any, shard: int, task_id: str) -> tuple[Any, Any, Any, Any]:
    return _lease(stored_query_tasks.find_query_task(tx, shard, task_id))


def _lease(task: Any) -> tuple[Any, Any, Any, Any]:
    if task is None:
        return (None, None, None, None)
    return (task.status, task.lease_owner, task.attempt, task.lease_expires_at)
