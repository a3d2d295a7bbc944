"""Workers: registration, heartbeat, leaving; and what operators see and remove of them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from durable_server.advance.intents import ReturnTask
from durable_server.advance.queries import return_query
from durable_server.call import Call, Reply
from durable_server.clock import SECOND
from durable_server.ids import new_plain_id
from durable_server.matching.channels import WORKER, Channel
from durable_server.refusal import Refusal
from durable_server.store import command_contracts as stored_contracts
from durable_server.store import query_tasks as stored_query_tasks
from durable_server.store import rollouts as stored_rollouts
from durable_server.store import tasks as stored_tasks
from durable_server.store import workers as stored_workers
from durable_server.views import workers as shown_workers

SLOTS_DEFAULT = 100
HEARTBEAT_SECONDS = 30
PAGE_SIZE_DEFAULT = 500
_DETAILS = (
    "capability_manifest",
    "workflow_command_contracts",
    "max_concurrent_worker_sessions",
    "task_slots",
    "process_metrics",
    "registration_token",
)


async def register(call: Call, body: dict[str, Any]) -> Reply:
    """Register a worker, or replace what it registered before."""
    worker_id = body.get("worker_id") or new_plain_id()
    token = new_plain_id().replace("-", "")
    marks = {"registration_token": token}
    sent = _fingerprints(body)

    def job(tx: Any) -> None:
        known = stored_workers.find_worker(tx, call.namespace, worker_id)
        kept = _kept_fingerprints(known, body, sent)
        row = _row(call, {**body, **marks}, worker_id, {**kept, **sent}, tx.now)
        stored_workers.upsert_worker(tx, row._replace(status=_status(tx, row)))
        types = body.get("supported_workflow_types") or []
        contracts = body.get("workflow_command_contracts") or {}
        stored_contracts.declare(tx, call.namespace, types, contracts, tx.now)

    await call.server.lanes.write(job)
    call.server.workers.forget(call.namespace, worker_id)
    answer = {
        "worker_id": worker_id,
        "registered": True,
        "registration_token": token,
        "heartbeat_interval_seconds": HEARTBEAT_SECONDS,
    }
    return Reply(201, answer)


async def heartbeat(call: Call, body: dict[str, Any]) -> Reply:
    """A sign of life of a registered worker."""
    worker_id = body["worker_id"]
    known = await call.server.read(stored_workers.find_worker, call.namespace, worker_id)
    if known is None:
        raise Refusal("worker_not_registered", worker_id=worker_id)

    def job(tx: Any) -> None:
        stored_workers.touch_workers(tx, [(call.namespace, worker_id, tx.now)])
        status = _status(tx, known)
        if "draining" in (status, known.status) and status != known.status:
            stored_workers.set_status(tx, call.namespace, worker_id, status)

    await call.server.lanes.write(job)
    answer = {
        "worker_id": worker_id,
        "acknowledged": True,
        "heartbeat_interval_seconds": HEARTBEAT_SECONDS,
        "retention": {"throttled": False, "processed": 0, "pruned": 0, "skipped": 0, "failed": 0},
    }
    return Reply(200, answer)


async def deregister(call: Call, worker_id: str) -> Reply:
    """A worker leaves: what it still holds is offered to others at once."""

    def job(tx: Any) -> Held:
        known = stored_workers.find_worker(tx, call.namespace, worker_id)
        if known is None:
            raise _not_found(call, worker_id)
        return _remove(tx, known)

    held = await call.server.lanes.write(job)
    return Reply(200, await _left(call, worker_id, held))


async def deregister_fenced(call: Call, body: dict[str, Any], worker_id: str) -> Reply:
    """The worker of one registration leaves; a registration that followed it is left alone.

    Asked again, the answer is the same: that registration is gone. So nothing needs to be kept.
    """
    token = body["registration_token"]

    def job(tx: Any) -> Held:
        known = stored_workers.find_worker(tx, call.namespace, worker_id)
        if known is None or orjson.loads(known.details).get("registration_token") != token:
            return Held([], [])
        return _remove(tx, known)

    held = await call.server.lanes.write(job)
    return Reply(200, {**await _left(call, worker_id, held), "registration_token": token})


async def list(
    call: Call,
    task_queue: str | None = None,
    status: str | None = None,
    page_size: int = PAGE_SIZE_DEFAULT,
    next_page_token: str | None = None,
) -> Reply:
    """Workers of the namespace, those heard last first, one page."""
    now, silence = call.server.clock.now(), call.server.settings.worker_silence_seconds
    wanted = stored_workers.Wanted(task_queue or None, status or None, now - silence * SECOND)
    cursor = shown_workers.cursor_of(next_page_token)
    rows = await call.server.read(
        stored_workers.list_workers, call.namespace, wanted, cursor, page_size + 1
    )
    page = rows[:page_size]
    body = {"workers": [shown_workers.listed(worker, silence, now) for worker in page]}
    token = shown_workers.cursor_token(page[-1]) if len(rows) > page_size else None
    return Reply(200, {**body, "next_page_token": token})


async def describe(call: Call, worker_id: str) -> Reply:
    """One worker."""
    found = await call.server.read(stored_workers.find_worker, call.namespace, worker_id)
    if found is None:
        raise _not_found(call, worker_id)
    silence = call.server.settings.worker_silence_seconds
    return Reply(200, shown_workers.described(found, silence, call.server.clock.now()))


async def delete(call: Call, worker_id: str) -> Reply:
    """Remove a worker that does not leave by itself: what it holds is offered to others at once."""

    def job(tx: Any) -> Held:
        known = stored_workers.find_worker(tx, call.namespace, worker_id)
        if known is None:
            raise _not_found(call, worker_id)
        return _remove(tx, known)

    held = await call.server.lanes.write(job)
    await _left(call, worker_id, held)
    return Reply(200, {"worker_id": worker_id, "outcome": "deregistered"})


def _not_found(call: Call, worker_id: str) -> Refusal:
    return Refusal("worker_not_found", worker_id=worker_id, namespace=call.namespace)


class Held(NamedTuple):
    """What a worker held when it left."""

    tasks: Sequence[Any]
    queries: Sequence[Any]


def _remove(tx: Any, worker: stored_workers.Worker) -> Held:
    """Take a registration away; gives what its worker holds."""
    namespace, worker_id = worker.namespace, worker.worker_id
    stored_workers.delete_worker(tx, namespace, worker_id)
    return Held(
        stored_tasks.leases_of(tx, namespace, worker_id),
        stored_query_tasks.leases_of(tx, namespace, worker_id, worker.task_queue),
    )


async def _left(call: Call, worker_id: str, held: Held) -> dict[str, Any]:
    """What a worker that has left is told, once what it held is offered to others."""
    call.server.workers.remove(call.namespace, worker_id)
    call.server.wakes.publish({Channel(call.namespace, worker_id, WORKER)}, set())
    for query in held.queries:
        call.server.lanes.put(return_query(query))
    recovered = 0
    for task in held.tasks:
        intent = ReturnTask(shard=task.shard, task_id=task.task_id, lease_owner=worker_id)
        returned = await call.server.lanes.put(intent)
        recovered += bool(returned) and task.kind == "workflow"
    return {
        "worker_id": worker_id,
        "outcome": "deregistered",
        "recovered_workflow_task_count": recovered,
    }


def _status(tx: Any, worker: stored_workers.Worker) -> str:
    """What is to become of a worker, by what was said of its build."""
    build = (worker.namespace, worker.task_queue, worker.build_id)
    drained = stored_rollouts.find_rollout(tx, build).drained_at is not None
    return "draining" if drained else "active"


def _fingerprints(body: dict[str, Any]) -> dict[str, str]:
    """The fingerprints that were sent, trimmed; empty ones are dropped."""
    sent = body.get("workflow_definition_fingerprints") or {}
    trimmed = {name.strip(): (value or "").strip() for name, value in sent.items()}
    return {name: value for name, value in trimmed.items() if name and value}


def _kept_fingerprints(known: Any, body: dict[str, Any], sent: dict[str, str]) -> dict[str, str]:
    """Fingerprints of types that stay advertised; a changed one is refused while it is active."""
    if known is None or known.status != "active":
        return {}
    stored: dict[str, str] = orjson.loads(known.workflow_definition_fingerprints or "{}")
    for name, value in sent.items():
        if stored.get(name, value) != value:
            raise Refusal("workflow_definition_changed", workflow_type=name)
    advertised = body.get("supported_workflow_types")
    return {n: v for n, v in stored.items() if not advertised or n in advertised}


def _row(
    call: Call, body: dict[str, Any], worker_id: str, fingerprints: dict[str, str], now: int
) -> stored_workers.Worker:
    details = {name: body[name] for name in _DETAILS if body.get(name) is not None}
    return stored_workers.Worker(
        namespace=call.namespace,
        worker_id=worker_id,
        task_queue=body["task_queue"],
        runtime=body["runtime"],
        sdk_version=body.get("sdk_version") or None,
        build_id=body.get("build_id") or None,
        protocol_version=call.protocol_version,
        supported_workflow_types=_list(body.get("supported_workflow_types")),
        supported_activity_types=_list(body.get("supported_activity_types")),
        workflow_definition_fingerprints=orjson.dumps(fingerprints).decode(),
        max_concurrent_workflow_tasks=_slots(body.get("max_concurrent_workflow_tasks")),
        max_concurrent_activity_tasks=_slots(body.get("max_concurrent_activity_tasks")),
        capabilities=_list(body.get("capabilities")) or "[]",
        details=orjson.dumps(details).decode(),
        status="active",
        registered_at=now,
        updated_at=now,
        last_heartbeat_at=now,
    )


def _list(values: Sequence[str] | None) -> str | None:
    return orjson.dumps(values).decode() if values else None


def _slots(value: Any) -> int:
    return SLOTS_DEFAULT if value in (None, "") else int(value)
