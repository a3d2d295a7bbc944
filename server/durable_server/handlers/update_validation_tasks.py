"""Update validation tasks: poll, approval, refusal."""

from typing import Any

from durable_server.advance.intents import JudgeUpdate
from durable_server.call import Call, Reply
from durable_server.engine.tasks import digest_of
from durable_server.engine.update import JUDGED
from durable_server.engine.update_validation import Verdict
from durable_server.ids import shard_in
from durable_server.matching.channels import Channel, Poll
from durable_server.matching.poll import nothing, wait_for_task
from durable_server.refusal import Refusal
from durable_server.store import updates as stored_updates
from durable_server.views.update_validation_tasks import shown

UNSAID = "The worker gives no reason."


async def poll(call: Call, body: dict[str, Any]) -> Reply:
    """Wait for an update to judge; `task` is null when none came in time."""
    server = call.server
    channel = Channel(call.namespace, body["task_queue"], JUDGED)
    worker = await server.workers.polling(channel, body["worker_id"], body.get("build_id"))
    wish = Poll(channel, worker, body.get("poll_request_id"))
    leased = await wait_for_task(server, wish, body.get("timeout_seconds"), call.lost)
    if leased is None:
        return Reply(200, nothing(server, wish))
    found = await server.read(stored_updates.find_judgement, leased.task)
    return Reply(200, shown(found, worker.framing))


async def approve(call: Call, body: dict[str, Any], update_validation_task_id: str) -> Reply:
    """The update may be accepted."""
    return await _judge(call, body, update_validation_task_id, None)


async def reject(call: Call, body: dict[str, Any], update_validation_task_id: str) -> Reply:
    """The update is refused, or could not be judged."""
    given = body["failure"]
    errors = given.get("validation_errors") or {}
    failure = {
        "reason": given["reason"],
        "message": given["message"] or UNSAID,
        "errors": {
            name: [texts] if isinstance(texts, str) else texts
            for name, texts in errors.items()
            if texts
        },
    }
    return await _judge(call, body, update_validation_task_id, failure)


async def _judge(
    call: Call, body: dict[str, Any], task_id: str, failure: dict[str, Any] | None
) -> Reply:
    attempt, shard = int(body["update_validation_attempt"]), shard_in(task_id)
    verdict = Verdict(task_id, body["lease_owner"], attempt, failure, digest_of([failure]))
    if shard is None:
        raise Refusal(
            "update_validation_task_not_found",
            update_validation_task_id=task_id,
            update_validation_attempt=attempt,
        )
    intent = JudgeUpdate(shard=shard, namespace=call.namespace, verdict=verdict)
    return Reply(200, await call.server.lanes.put(intent))
