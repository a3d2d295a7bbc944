"""Activity tasks: poll, completion, failure, heartbeat."""

from typing import Any

from durable_server import payloads
from durable_server.advance.intents import (
    CompleteActivity,
    FailActivity,
    HeartbeatActivity,
    RenewActivityLease,
)
from durable_server.call import Call, Reply
from durable_server.engine.activity_report import Report
from durable_server.engine.run_state import Payload
from durable_server.engine.tasks import digest_of
from durable_server.external_payloads import moved_out
from durable_server.ids import shard_in
from durable_server.matching.channels import Channel, Poll
from durable_server.matching.poll import nothing, wait_for_task
from durable_server.refusal import Refusal, invalid
from durable_server.views.tasks import leased_activity as shown_lease


async def poll(call: Call, body: dict[str, Any]) -> Reply:
    """Wait for an activity task; `task` is null when none came in time."""
    channel = Channel(call.namespace, body["task_queue"], "activity")
    worker = await call.server.workers.polling(channel, body["worker_id"], body.get("build_id"))
    wish = Poll(channel, worker, body.get("poll_request_id"))
    leased = await wait_for_task(call.server, wish, body.get("timeout_seconds"), call.lost)
    if leased is None:
        return Reply(200, nothing(call.server, wish))
    return Reply(200, shown_lease(leased, worker.sdk_version))


async def complete(call: Call, body: dict[str, Any], task_id: str) -> Reply:
    """Record the result of an activity."""
    report = _report(body, task_id, "completed", body.get("result"))
    shard, given = _shard(report), _result(body)
    result = await moved_out(call, given, task_id) or given
    intent = CompleteActivity(shard=shard, namespace=call.namespace, report=report, result=result)
    return Reply(200, await call.server.lanes.put(intent))


async def fail(call: Call, body: dict[str, Any], task_id: str) -> Reply:
    """Record that an attempt failed; its policy decides whether there is another."""
    failure = _failure(body["failure"])
    report = _report(body, task_id, "failed", body["failure"])
    intent = FailActivity(
        shard=_shard(report), namespace=call.namespace, report=report, failure=failure
    )
    return Reply(200, await call.server.lanes.put(intent))


async def heartbeat(call: Call, body: dict[str, Any], task_id: str) -> Reply:
    """Extend the lease of an attempt, or tell its worker to stop."""
    report = _report(body, task_id, "heartbeat", None)
    intent = HeartbeatActivity(
        shard=_shard(report), namespace=call.namespace, report=report, progress=body
    )
    return Reply(200, await call.server.lanes.put(intent))


async def renew_lease(call: Call, body: dict[str, Any], task_id: str) -> Reply:
    """Extend the lease of an attempt whose worker lives, or tell it to give the attempt up."""
    report = _report(body, task_id, "renewal", None)
    intent = RenewActivityLease(shard=_shard(report), namespace=call.namespace, report=report)
    return Reply(200, await call.server.lanes.put(intent))


def _report(body: dict[str, Any], task_id: str, outcome: str, reported: Any) -> Report:
    return Report(
        task_id=task_id,
        activity_attempt_id=body["activity_attempt_id"],
        lease_owner=body["lease_owner"],
        outcome=outcome,
        digest=digest_of([outcome, reported]),
    )


def _result(body: dict[str, Any]) -> Payload:
    """The result: an envelope as it came, or a plain value (a bare string is one) to be encoded."""
    result = body.get("result")
    if not payloads.is_envelope(result):
        return payloads.plain(result)
    errors = payloads.envelope_errors(result, "result")
    if errors:
        raise invalid(errors)
    return payloads.from_envelope(result)


def _failure(raw: dict[str, Any]) -> dict[str, Any]:
    """The failure with its flag normalised and the codec of enveloped details beside them."""
    failure = {**raw, "non_retryable": raw.get("non_retryable") in (True, 1, "1")}
    if raw.get("retryable") in (False, 0, "0"):
        failure["non_retryable"] = True
    details = raw.get("details")
    if payloads.is_envelope(details) and "blob" in details:
        failure["details"] = details["blob"]
        failure["details_payload_codec"] = details["codec"]
    return failure


def _shard(report: Report) -> int:
    shard = shard_in(report.task_id)
    if shard is None:
        raise Refusal("task_not_found.activity", **report.echoed())
    return shard
