"""Worker registrations. JSON columns hold text; null types mean every type."""

from typing import Any, NamedTuple

from durable_server.store.models import Worker as Row

WORKERS_MAX = 10_000
TOUCHED_MAX = 500


class Worker(NamedTuple):
    """A registration. Key: namespace, worker_id. status: active | draining | stale."""

    namespace: str
    worker_id: str
    task_queue: str
    runtime: str
    sdk_version: str | None
    build_id: str | None
    protocol_version: str | None
    supported_workflow_types: str | None
    supported_activity_types: str | None
    workflow_definition_fingerprints: str
    max_concurrent_workflow_tasks: int
    max_concurrent_activity_tasks: int
    capabilities: str
    details: str
    status: str
    registered_at: int
    updated_at: int
    last_heartbeat_at: int


class Wanted(NamedTuple):
    """Which workers are asked for; None: all. status: active | draining | stale, told apart by
    who was heard since an instant.
    """

    task_queue: str | None
    status: str | None
    heard_since: int


_FIELDS = [getattr(Row, name) for name in Worker._fields]


def find_worker(tx: Any, namespace: str, worker_id: str) -> Worker | None:
    """The registration of a worker."""
    query = Row.select(*_FIELDS).where(_is(namespace, worker_id)).tuples()
    return next((Worker(*row) for row in query.execute(tx.database)), None)


def upsert_worker(tx: Any, worker: Worker) -> None:
    """Store a registration; one that is there is replaced."""
    changes = worker._asdict()
    Row.insert(changes).on_conflict(
        conflict_target=[Row.namespace, Row.worker_id],
        update={
            name: value for name, value in changes.items() if name not in ("namespace", "worker_id")
        },
    ).execute(tx.database)


def delete_worker(tx: Any, namespace: str, worker_id: str) -> bool:
    """Remove a registration; whether there was one."""
    return bool(Row.delete().where(_is(namespace, worker_id)).execute(tx.database))


def touch_workers(tx: Any, heard: list[tuple[str, str, int]]) -> None:
    """Note when workers (namespace, worker id, instant) were last heard; stale ones revive."""
    by_namespace: dict[str, list[tuple[str, int]]] = {}
    for namespace, worker_id, at in heard:
        by_namespace.setdefault(namespace, []).append((worker_id, at))
    for namespace, signs in sorted(by_namespace.items()):
        # One statement for many: the latest instant stands for all that were heard together.
        at = max(at for _, at in signs)
        names = sorted(worker_id for worker_id, _ in signs)
        for start in range(0, len(names), TOUCHED_MAX):
            mine = Row.worker_id.in_(names[start : start + TOUCHED_MAX])
            changes = {"last_heartbeat_at": at, "status": "active"}
            Row.update(changes).where(
                Row.namespace == namespace, mine, Row.last_heartbeat_at <= at
            ).where(Row.status != "draining").execute(tx.database)


def mark_stale(tx: Any, heard_before: int, limit: int) -> int:
    """Mark active workers that were not heard since as stale; how many."""
    silent = (
        Row.select(Row.namespace, Row.worker_id)
        .where(Row.last_heartbeat_at < heard_before, Row.status == "active")
        .order_by(Row.last_heartbeat_at)
        .limit(limit)
        .tuples()
    )
    count = 0
    for namespace, worker_id in list(silent.execute(tx.database)):
        still = _is(namespace, worker_id) & (Row.last_heartbeat_at < heard_before)
        count += Row.update(status="stale").where(still).execute(tx.database)
    return count


def list_workers(
    tx: Any,
    namespace: str,
    wanted: Wanted,
    cursor: tuple[int, str] | None,
    limit: int,
) -> list[Worker]:
    """Workers of a namespace, those heard last first; behind the one at the cursor (heard at, id)
    where there is one.
    """
    query = Row.select(*_FIELDS).where(Row.namespace == namespace)
    if wanted.task_queue is not None:
        query = query.where(Row.task_queue == wanted.task_queue)
    silent = Row.last_heartbeat_at <= wanted.heard_since
    if wanted.status == "stale":
        query = query.where(silent)
    elif wanted.status is not None:
        draining = Row.status == "draining"
        query = query.where(~silent, draining if wanted.status == "draining" else ~draining)
    if cursor is not None:
        heard_at, worker_id = cursor
        earlier = Row.last_heartbeat_at < heard_at
        same = (Row.last_heartbeat_at == heard_at) & (Row.worker_id > worker_id)
        query = query.where(earlier | same)
    query = query.order_by(Row.last_heartbeat_at.desc(), Row.worker_id).limit(limit).tuples()
    return [Worker(*row) for row in query.execute(tx.database)]


def set_status(tx: Any, namespace: str, worker_id: str, status: str) -> None:
    """Note what is to become of a worker: active or draining."""
    Row.update(status=status).where(_is(namespace, worker_id)).execute(tx.database)


def workers_of_queue(
    tx: Any, namespace: str, task_queue: str, heard_since: int, limit: int = WORKERS_MAX
) -> list[Worker]:
    """Workers of a task queue heard since an instant, the latest registration first."""
    mine = (Row.namespace == namespace) & (Row.task_queue == task_queue)
    query = Row.select(*_FIELDS).where(mine, Row.last_heartbeat_at >= heard_since)
    query = query.order_by(Row.registered_at.desc(), Row.worker_id).limit(limit).tuples()
    return [Worker(*row) for row in query.execute(tx.database)]


def fresh_workers(
    tx: Any, namespace: str | None, heard_since: int, limit: int = WORKERS_MAX
) -> list[Worker]:
    """Workers heard since an instant, of one namespace or of all."""
    query = Row.select(*_FIELDS).where(Row.last_heartbeat_at >= heard_since)
    if namespace is not None:
        query = query.where(Row.namespace == namespace)
    query = query.order_by(Row.namespace, Row.worker_id).limit(limit).tuples()
    return [Worker(*row) for row in query.execute(tx.database)]


def _is(namespace: str, worker_id: str) -> Any:
    return (Row.namespace == namespace) & (Row.worker_id == worker_id)
