"""What operators said of the builds of a task queue: which are drained, which one was promoted.

The build id of workers that have none is None here, and an empty text in the table.
"""

from typing import Any, NamedTuple

from durable_server.store.models import BuildRollout as Row
from durable_server.store.models import Worker


class Rollout(NamedTuple):
    """One build of a task queue. Key: namespace, task_queue, build_id."""

    namespace: str
    task_queue: str
    build_id: str | None
    drained_at: int | None
    promoted_at: int | None


Build = tuple[str, str, str | None]
Queue = tuple[str, str]
_FIELDS = (Row.namespace, Row.task_queue, Row.build_id, Row.drained_at, Row.promoted_at)


def list_in_force(tx: Any, limit: int) -> list[Rollout]:
    """Every build that is drained or promoted, by key."""
    return _listed(tx, Row.drained_at.is_null(False) | Row.promoted_at.is_null(False), limit)


def promoted_build(tx: Any, queue: Queue) -> str | None:
    """The build that new runs of a queue (namespace, task queue) are for; None: any."""
    namespace, task_queue = queue
    mine = (Row.namespace == namespace) & (Row.task_queue == task_queue)
    found = _listed(tx, mine & Row.promoted_at.is_null(False), 1)
    return found[0].build_id if found else None


def list_rollouts(tx: Any, namespace: str, task_queue: str, limit: int) -> list[Rollout]:
    """The builds of a queue of which an operator said something, by build id."""
    return _listed(tx, (Row.namespace == namespace) & (Row.task_queue == task_queue), limit)


def find_rollout(tx: Any, build: Build) -> Rollout:
    """What was said of a build (namespace, task queue, build id); nothing is a value, too."""
    return next(iter(_listed(tx, _is(build), 1)), Rollout(*build, None, None))


def drain(tx: Any, build: Build) -> Rollout:
    """Let a build get no more tasks, as of now unless it was drained before; it is promoted no
    longer.
    """
    found = find_rollout(tx, build)
    drained = found._replace(drained_at=found.drained_at or tx.now, promoted_at=None)
    _put(tx, drained)
    _mark_workers(tx, build, "draining")
    return drained


def resume(tx: Any, build: Build) -> Rollout:
    """Let a build get tasks again."""
    resumed = find_rollout(tx, build)._replace(drained_at=None)
    if resumed.promoted_at is None:
        Row.delete().where(_is(build)).execute(tx.database)
    else:
        _put(tx, resumed)
    _mark_workers(tx, build, "active")
    return resumed


def promote(tx: Any, build: Build) -> Rollout:
    """Let new runs of the queue go to a build, as of now unless they do already."""
    found = find_rollout(tx, build)
    promoted = found._replace(promoted_at=found.promoted_at or tx.now)
    others = (Row.namespace == build[0]) & (Row.task_queue == build[1]) & ~_is(build)
    Row.update(promoted_at=None).where(others).execute(tx.database)
    _put(tx, promoted)
    return promoted


def _put(tx: Any, rollout: Rollout) -> None:
    changes = {"drained_at": rollout.drained_at, "promoted_at": rollout.promoted_at}
    row = {**rollout._asdict(), "build_id": rollout.build_id or ""}
    key = [Row.namespace, Row.task_queue, Row.build_id]
    Row.insert(row).on_conflict(conflict_target=key, update=changes).execute(tx.database)


def _mark_workers(tx: Any, build: Build, status: str) -> None:
    namespace, task_queue, build_id = build
    same = Worker.build_id.is_null() if build_id is None else Worker.build_id == build_id
    mine = (Worker.namespace == namespace) & (Worker.task_queue == task_queue) & same
    # Who was silent is found so again by the pass over workers.
    changed = Worker.status != status if status == "draining" else Worker.status == "draining"
    change = Worker.update(status=status, updated_at=tx.now)
    change.where(mine, changed).execute(tx.database)


def _listed(tx: Any, condition: Any, limit: int) -> list[Rollout]:
    query = Row.select(*_FIELDS).where(condition).order_by(*_FIELDS[:3]).limit(limit).tuples()
    rows = list(query.execute(tx.database))
    return [Rollout(row[0], row[1], row[2] or None, row[3], row[4]) for row in rows]


def _is(build: Build) -> Any:
    namespace, task_queue, build_id = build
    return (
        (Row.namespace == namespace)
        & (Row.task_queue == task_queue)
        & (Row.build_id == (build_id or ""))
    )
