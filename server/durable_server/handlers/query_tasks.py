"""Query tasks: poll, answer, failure, and how a lease stands."""

from typing import Any

import orjson

from durable_server import payloads
from durable_server.advance.queries import ChangeQuery, return_query
from durable_server.call import Call, Reply
from durable_server.clock import to_micro_text
from durable_server.engine import query_task
from durable_server.engine.query_task import Claim, QueryTask, Result
from durable_server.ids import shard_in
from durable_server.matching.channels import Channel, Poll
from durable_server.matching.poll import nothing, wait_for_task
from durable_server.refusal import Refusal, invalid
from durable_server.store import history as histories
from durable_server.store import query_tasks as stored_query_tasks
from durable_server.store import runs as stored_runs
from durable_server.views.query_tasks import lease_times
from durable_server.views.query_tasks import query_task as shown_task

REASON = "query_rejected"
UNSAID = "The worker gives no reason."


async def poll(call: Call, body: dict[str, Any]) -> Reply:
    """Wait for a query task; `task` is null when none came in time."""
    server = call.server
    channel = Channel(call.namespace, body["task_queue"], "query")
    worker = await server.workers.polling(channel, body["worker_id"], body.get("build_id"))
    wish = Poll(channel, worker, body.get("poll_request_id"))
    leased = await wait_for_task(server, wish, body.get("timeout_seconds"), call.lost)
    if leased is None:
        return Reply(200, nothing(server, wish))
    try:
        task = await server.read(_whole, leased.task, worker.framing)
    except BaseException:
        server.lanes.put(return_query(leased.task))
        raise
    return Reply(200, {"task": task, "poll_status": "empty" if task is None else "leased"})


async def complete(call: Call, body: dict[str, Any], query_task_id: str) -> Reply:
    """Hand a worker's answer to whoever asked."""
    claim = _claim(call, body, query_task_id)
    result = _result(body, call.server.limits.payload_bytes_max)
    await _report(call, claim, lambda task, now: query_task.complete(task, now, claim, result))
    return Reply(200, _taken(claim, "completed"))


async def fail(call: Call, body: dict[str, Any], query_task_id: str) -> Reply:
    """Tell whoever asked why there is no answer."""
    claim = _claim(call, body, query_task_id)
    failure = _failure(body["failure"])
    text = orjson.dumps(failure).decode()
    await _report(call, claim, lambda task, now: query_task.fail(task, now, claim, text))
    return Reply(200, {**_taken(claim, "failed"), "reason": failure["reason"]})


async def status(
    call: Call, query_task_id: str, lease_owner: str, query_task_attempt: int
) -> Reply:
    """How the lease of a query task stands; asking extends nothing."""
    claim = Claim(call.namespace, query_task_id, lease_owner, query_task_attempt)
    found, now = await call.server.read(_standing, _shard(query_task_id), query_task_id)
    task = query_task.owned(found, claim)
    reason = query_task.why_not(task, now)
    shown = {
        "query_task_id": task.query_task_id,
        "query_task_attempt": task.attempt,
        "query_task_status": task.status,
        "lease_owner": task.lease_owner,
        **lease_times(task),
        "server_time": to_micro_text(now),
        "can_continue": reason is None,
        "reason": reason,
    }
    return Reply(200, shown)


async def _report(call: Call, claim: Claim, change: Any) -> None:
    shard = _shard(claim.query_task_id)
    await call.server.lanes.put(ChangeQuery(shard, claim.query_task_id, change))


def _whole(tx: Any, task: QueryTask, framing: str) -> dict[str, Any] | None:
    """The task with its run as it stands now and the whole history; None when the run is gone."""
    found = stored_runs.find_run(tx, task.namespace, task.workflow_id, task.run_id)
    if found is None:
        return None
    run, details = found
    events = histories.list_events(tx, run.shard, run.run_id, 0, run.last_sequence)
    return {
        **shown_task(task, run, details.input, events, framing),
        "server_time": to_micro_text(tx.now),
    }


def _standing(tx: Any, shard: int, query_task_id: str) -> tuple[QueryTask | None, int]:
    return stored_query_tasks.find_query_task(tx, shard, query_task_id), tx.now


def _claim(call: Call, body: dict[str, Any], query_task_id: str) -> Claim:
    attempt = int(body["query_task_attempt"])
    return Claim(call.namespace, query_task_id, body["lease_owner"], attempt)


def _shard(query_task_id: str) -> int:
    shard = shard_in(query_task_id)
    if shard is None:
        raise query_task.not_found(query_task_id)
    return shard


def _result(body: dict[str, Any], bytes_max: int) -> Result:
    result, envelope = body.get("result"), body.get("result_envelope")
    text = None if result is None else orjson.dumps(result).decode()
    if 0 < bytes_max < len((text or "").encode()):
        raise _too_large("result", bytes_max)
    if envelope is None:
        return Result(text, None, None)
    payload = payloads.from_envelope(envelope)
    if 0 < bytes_max < len(payload.blob):
        raise _too_large("result_envelope.blob", bytes_max)
    return Result(text, payload.codec, payload.blob)


def _too_large(field: str, bytes_max: int) -> Refusal:
    name = field.replace("_", " ")
    return invalid({field: [f"The {name} field must not be larger than {bytes_max} bytes."]})


def _failure(given: dict[str, Any]) -> dict[str, Any]:
    """What the caller is told of a failure; a stack trace is the worker's own affair."""
    errors = given.get("validation_errors") or {}
    return {
        "message": given["message"] or UNSAID,
        "reason": given.get("reason") or REASON,
        "validation_errors": {
            name: [texts] if isinstance(texts, str) else texts
            for name, texts in errors.items()
            if texts
        },
    }


def _taken(claim: Claim, outcome: str) -> dict[str, Any]:
    return {
        "query_task_id": claim.query_task_id,
        "query_task_attempt": claim.attempt,
        "outcome": outcome,
        "status": 200,
    }
