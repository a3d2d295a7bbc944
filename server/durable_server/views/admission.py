"""How much of a queue's budgets is left, as people are shown it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from durable_server.matching import admission
from durable_server.matching.admission import Counter, Limits, Scope, Standing, remaining
from durable_server.matching.channels import Channel

Leases = Mapping[tuple[str, str], Any]


class Read(NamedTuple):
    """What was read of a namespace: leases by (task queue, kind), counters by scope."""

    leases: Leases
    counters: Mapping[Scope, Counter]
    now: int


def task_admission(
    channel: Channel, limits: Limits, counts: Any, workers: Any, read: Read
) -> dict[str, Any]:
    """The budgets of one kind of task on one queue."""
    kind = channel.kind
    standing = _standing(channel, limits, read)
    slots = workers.workflow_slots if kind == "workflow" else workers.activity_slots
    return {
        "budget_source": f"worker_registration.max_concurrent_{kind}_tasks",
        "server_budget_source": ";".join(limits.sources)
        or f"server.admission.{kind}_tasks.max_active_leases_per_queue",
        "active_worker_count": workers.active,
        "configured_slot_count": slots,
        "leased_count": counts.leased,
        "ready_count": counts.ready,
        "available_slot_count": max(0, slots - counts.leased),
        **_leases(limits, standing),
        **_dispatches(limits, standing),
        "server_lock_required": limits.any,
        "server_lock_supported": True,
        "status": _status(limits, standing, workers.active, slots, counts.leased),
    }


def _leases(limits: Limits, standing: Standing) -> dict[str, Any]:
    queue, namespace = limits.leases_per_queue, limits.leases_per_namespace
    in_queue, in_namespace = standing.queue_leases, standing.namespace_leases
    return {
        "server_max_active_leases_per_queue": queue,
        "server_active_lease_count": in_queue,
        "server_remaining_active_lease_capacity": remaining(queue, in_queue),
        "server_max_active_leases_per_namespace": namespace,
        "server_namespace_active_lease_count": in_namespace,
        "server_remaining_namespace_active_lease_capacity": remaining(namespace, in_namespace),
    }


def _dispatches(limits: Limits, standing: Standing) -> dict[str, Any]:
    queue, namespace = limits.dispatches_per_queue, limits.dispatches_per_namespace
    group = limits.dispatches_per_group if limits.counts_group else None
    of_queue, of_namespace = standing.queue_dispatches, standing.namespace_dispatches
    of_group = standing.group_dispatches
    return {
        "server_max_dispatches_per_minute": queue,
        "server_dispatch_count_this_minute": of_queue,
        "server_remaining_dispatch_capacity": remaining(queue, of_queue),
        "server_max_dispatches_per_minute_per_namespace": namespace,
        "server_namespace_dispatch_count_this_minute": of_namespace,
        "server_remaining_namespace_dispatch_capacity": remaining(namespace, of_namespace),
        "server_dispatch_budget_group": limits.group,
        "server_max_dispatches_per_minute_per_budget_group": group,
        "server_budget_group_dispatch_count_this_minute": of_group,
        "server_remaining_budget_group_dispatch_capacity": remaining(group, of_group),
    }


def query_admission(waiting: int, limit: int) -> dict[str, Any]:
    """The budget of the queries that wait for a worker of a queue."""
    left = max(0, limit - waiting)
    return {
        "budget_source": "server.query_tasks.max_pending_per_queue",
        "max_pending_per_queue": limit,
        "approximate_pending_count": waiting,
        "remaining_pending_capacity": left,
        "lock_required": True,
        "lock_supported": True,
        "status": "accepting" if left else "full",
    }


def _standing(channel: Channel, limits: Limits, read: Read) -> Standing:
    out = {
        queue: found.leased - found.expired
        for (queue, kind), found in read.leases.items()
        if kind == channel.kind
    }

    def dispatches(scope: Scope) -> int:
        return admission.counted_at(read.counters.get(scope), read.now).dispatches

    return Standing(
        out.get(channel.task_queue, 0),
        sum(out.values()),
        dispatches(admission.queue_scope(channel)),
        dispatches(admission.namespace_scope(channel)),
        dispatches(admission.group_scope(channel, limits)) if limits.group is not None else 0,
    )


def _status(limits: Limits, standing: Standing, workers: int, slots: int, leased: int) -> str:
    """The first thing that keeps tasks of the queue from going out."""
    if admission.room(limits, standing) == 0:
        return "throttled"
    if workers == 0:
        return "no_active_workers"
    if slots == 0:
        return "no_slots"
    return "saturated" if leased >= slots else "accepting"
