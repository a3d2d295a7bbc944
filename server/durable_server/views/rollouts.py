"""The builds of a task queue as people are shown them: their workers, and what was said of them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from durable_server.clock import SECOND, to_micro_text

STATUSES = ("active", "active_with_draining", "draining", "stale_only", "no_workers")


def state(rollout: Any) -> dict[str, Any]:
    """What an operator said of a build."""
    return {
        "namespace": rollout.namespace,
        "task_queue": rollout.task_queue,
        "build_id": rollout.build_id,
        **_intent(rollout),
    }


def cohorts(
    workers: Sequence[Any], rollouts: Iterable[Any], stale_after_seconds: int, now: int
) -> list[dict[str, Any]]:
    """The builds of a queue, those that work first; of one status those without a build id last,
    and those heard last first.
    """
    by_build: dict[str | None, list[Any]] = defaultdict(list)
    for worker in workers:
        by_build[worker.build_id].append(worker)
    said = {each.build_id: each for each in rollouts}
    heard_since = now - stale_after_seconds * SECOND
    shown = [
        (_cohort(build_id, by_build.get(build_id, []), said.get(build_id), heard_since), heard)
        for build_id in {*by_build, *said}
        for heard in [max((w.last_heartbeat_at for w in by_build.get(build_id, [])), default=0)]
    ]
    shown.sort(key=lambda each: _order(*each))
    return [cohort for cohort, _ in shown]


def _order(cohort: dict[str, Any], heard_at: int) -> tuple[Any, ...]:
    unversioned = cohort["build_id"] is None
    name = cohort["build_id"] or ""
    return (STATUSES.index(cohort["rollout_status"]), unversioned, -heard_at, name)


def _cohort(
    build_id: str | None, workers: Sequence[Any], said: Any, heard_since: int
) -> dict[str, Any]:
    fresh = [worker for worker in workers if worker.last_heartbeat_at > heard_since]
    draining = sum(worker.status == "draining" for worker in fresh)
    active, stale = len(fresh) - draining, len(workers) - len(fresh)
    intent = _intent(said)
    fingerprints, conflicts = _fingerprints(workers)
    drained = intent["drain_intent"] == "draining"
    return {
        "build_id": build_id,
        "rollout_status": _status(active, draining, stale, drained=drained),
        **intent,
        "active_worker_count": active,
        "draining_worker_count": draining,
        "stale_worker_count": stale,
        "total_worker_count": len(workers),
        "runtimes": sorted({worker.runtime for worker in workers}),
        "sdk_versions": sorted({w.sdk_version for w in workers if w.sdk_version is not None}),
        "last_heartbeat_at": _instant(max, [worker.last_heartbeat_at for worker in workers]),
        "first_seen_at": _instant(min, [worker.registered_at for worker in workers]),
        "workflow_definition_fingerprint_count": fingerprints,
        "workflow_definition_fingerprint_conflicts": conflicts,
    }


def _intent(said: Any) -> dict[str, Any]:
    drained_at = None if said is None else said.drained_at
    promoted_at = None if said is None else said.promoted_at
    return {
        "drain_intent": "active" if drained_at is None else "draining",
        "drained_at": None if drained_at is None else to_micro_text(drained_at),
        "promoted_at": None if promoted_at is None else to_micro_text(promoted_at),
        "new_start_selected": promoted_at is not None,
    }


def _status(active: int, draining: int, stale: int, *, drained: bool) -> str:
    if active:
        return "active_with_draining" if drained or draining else "active"
    if draining or drained:
        return "draining"
    return "stale_only" if stale else "no_workers"


def _fingerprints(workers: Sequence[Any]) -> tuple[int, list[dict[str, Any]]]:
    """How many definitions the workers of a build have, and the types that they disagree on."""
    found: dict[str, set[str]] = defaultdict(set)
    for worker in workers:
        for name, value in orjson.loads(worker.workflow_definition_fingerprints).items():
            found[name].add(value)
    conflicts = [
        {"workflow_type": name, "fingerprints": sorted(values)}
        for name, values in sorted(found.items())
        if len(values) > 1
    ]
    return len(found), conflicts


def _instant(pick: Any, instants: list[int]) -> str | None:
    return to_micro_text(pick(instants)) if instants else None
