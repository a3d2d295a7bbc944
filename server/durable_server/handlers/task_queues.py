"""Task queues: list, describe, and what is to become of the builds of their workers."""

import base64
from collections.abc import Callable
from typing import Any, NamedTuple

from durable_server.call import Call, Reply
from durable_server.client_input import check_task_queue
from durable_server.clock import SECOND
from durable_server.matching import admission as budgets
from durable_server.matching.admission import Counter, Scope
from durable_server.matching.channels import Channel
from durable_server.refusal import Refusal
from durable_server.store import admission as stored_admission
from durable_server.store import query_tasks as stored_query_tasks
from durable_server.store import rollouts as stored_rollouts
from durable_server.store import task_queues as stored
from durable_server.store import workers as stored_workers
from durable_server.views import rollouts as shown_rollouts
from durable_server.views import task_queues as shown_queues
from durable_server.views.admission import Read, query_admission, task_admission

COUNTED_MAX = 10_000
LEASES_LISTED_MAX = 50
POLLERS_LISTED_MAX = 1000
ROLLOUTS_LISTED_MAX = 1000
PAGE_SIZE_DEFAULT = 200


async def list(
    call: Call, page_size: int = PAGE_SIZE_DEFAULT, next_page_token: str | None = None
) -> Reply:
    """The queues of the namespace by name, one page, each with its backlog and its budgets."""
    after = _name_of(next_page_token)
    page = await call.server.read(_page, _place(call), after, page_size)
    body = {"namespace": call.namespace, "task_queues": page.queues}
    return Reply(200, {**body, "next_page_token": _token_of(page.last)})


async def describe(call: Call, task_queue: str) -> Reply:
    """One queue with its workers and its leases; one that nobody uses has none."""
    return Reply(200, await call.server.read(_whole, _place(call), task_queue))


async def build_ids(call: Call, task_queue: str) -> Reply:
    """The builds of a queue's workers, and of those of which an operator said something."""
    now, silence = call.server.clock.now(), call.server.settings.worker_silence_seconds
    workers, rollouts = await call.server.read(_builds, call.namespace, task_queue)
    shown = shown_rollouts.cohorts(workers, rollouts, silence, now)
    body = {"namespace": call.namespace, "task_queue": task_queue, "stale_after_seconds": silence}
    return Reply(200, {**body, "build_ids": shown})


async def drain(call: Call, body: dict[str, Any], task_queue: str) -> Reply:
    """A build gets no more tasks; what its workers hold they may finish."""
    return await _say(call, body, task_queue, stored_rollouts.drain)


async def resume(call: Call, body: dict[str, Any], task_queue: str) -> Reply:
    """A build gets tasks again."""
    return await _say(call, body, task_queue, stored_rollouts.resume)


async def promote(call: Call, body: dict[str, Any], task_queue: str) -> Reply:
    """New runs of the queue are for a build; runs that there are stay with theirs."""
    return await _say(call, body, task_queue, _promote)


def _promote(tx: Any, build: stored_rollouts.Build) -> stored_rollouts.Rollout:
    if stored_rollouts.find_rollout(tx, build).drained_at is not None:
        namespace, task_queue, build_id = build
        raise Refusal(
            "build_id_draining", namespace=namespace, task_queue=task_queue, build_id=build_id
        )
    return stored_rollouts.promote(tx, build)


async def _say(
    call: Call,
    body: dict[str, Any],
    task_queue: str,
    change: Callable[[Any, stored_rollouts.Build], stored_rollouts.Rollout],
) -> Reply:
    """Store what an operator says, act on it here, and have other processes do so, too."""
    check_task_queue(task_queue)
    build = (call.namespace, task_queue, body["build_id"] or None)
    said = await call.server.lanes.write(lambda tx: change(tx, build))
    await call.server.rollouts.read()
    call.server.rollouts.changed(call.namespace, task_queue)
    return Reply(200, shown_rollouts.state(said))


class Place(NamedTuple):
    """Where queues are looked at, and by which rules."""

    namespace: str
    admission: Any
    silence_seconds: int
    queries_max: int


class Page(NamedTuple):
    """Queues as they are shown, and the name of the last one if there are more."""

    queues: Any
    last: str | None


def _place(call: Call) -> Place:
    settings = call.server.settings
    return Place(
        call.namespace,
        call.server.admission,
        settings.worker_silence_seconds,
        settings.query_task_max_pending_per_queue,
    )


def _page(tx: Any, place: Place, after: str, size: int) -> Page:
    names = stored.list_task_queues(tx, place.namespace, after, size + 1)
    shown = names[:size]
    return Page(_queues(tx, place, shown), shown[-1] if len(names) > size else None)


def _whole(tx: Any, place: Place, name: str) -> dict[str, Any]:
    [queue] = _queues(tx, place, [name])
    where, silence = (place.namespace, name), place.silence_seconds
    heard_since = tx.now - silence * SECOND
    pollers = stored.list_pollers(tx, *where, heard_since, POLLERS_LISTED_MAX)
    leased = stored.list_leased(tx, *where, tx.now, LEASES_LISTED_MAX)
    return {**queue, **shown_queues.details(pollers, leased, silence, tx.now)}


def _queues(tx: Any, place: Place, names: Any) -> Any:
    heard_since = tx.now - place.silence_seconds * SECOND
    counted = stored.count_queues(tx, place.namespace, names, tx.now, heard_since, COUNTED_MAX)
    read = _budgets(tx, place, names)
    waiting = stored_query_tasks.count_waiting_by_queue(tx, place.namespace, tx.now, COUNTED_MAX)
    shown = []
    for name in names:
        counts = counted[name]
        told = {
            f"{kind}_tasks": task_admission(
                Channel(place.namespace, name, kind),
                place.admission.limits_of(Channel(place.namespace, name, kind)),
                getattr(counts, kind),
                counts.workers,
                read,
            )
            for kind in budgets.KINDS
        }
        told["query_tasks"] = query_admission(waiting.get(name, 0), place.queries_max)
        summary = shown_queues.summary(name, counts, place.silence_seconds, tx.now)
        shown.append({**summary, "admission": told})
    return shown


def _budgets(tx: Any, place: Place, names: Any) -> Read:
    """The leases of the namespace, and the counters that concern these queues."""
    scopes: set[Scope] = set()
    for name in names:
        for kind in budgets.KINDS:
            channel = Channel(place.namespace, name, kind)
            scopes.update(budgets.scopes_of(channel, place.admission.limits_of(channel)))
    counters = stored_admission.read_counters(tx, sorted(scopes))
    return Read(
        stored_admission.count_leases(tx, place.namespace, tx.now),
        {Scope(*key): Counter(*counter) for key, counter in counters.items()},
        tx.now,
    )


def _builds(tx: Any, namespace: str, task_queue: str) -> tuple[Any, Any]:
    return (
        stored_workers.workers_of_queue(tx, namespace, task_queue, 0),
        stored_rollouts.list_rollouts(tx, namespace, task_queue, ROLLOUTS_LISTED_MAX),
    )


def _token_of(name: str | None) -> str | None:
    return None if name is None else base64.urlsafe_b64encode(name.encode()).decode()


def _name_of(token: str | None) -> str:
    """The queue that a page token points behind; one that is none of ours means the first page."""
    try:
        return base64.urlsafe_b64decode(token or "").decode().replace("\0", "")
    except ValueError:
        return ""
