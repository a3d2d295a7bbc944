"""Update validation tasks: poll, approval, refusal."""

from typing import Any

from durable_server.advance.intents import JudgeUpdate
from durable_server.call import Call, Reply
from durable_server.engine.run_state import Task
from durable_server.engine.tasks import digest_of
from durable_server.engine.update import JUDGED
from durable_server.engine.update_validation import Verdict
from durable_server.ids import shard_in
from durable_server.matching.channels import Channel, LeasedTask, Poll
from durable_server.matching.poll import wait_for_task
from durable_server.pending import Pending
from durable_server.refusal import Refusal
from durable_server.server import Server
from durable_server.store import history as histories
from durable_server.store import runs as stored_runs
from durable_server.store import updates as stored_updates
from durable_server.views.update_validation_tasks import update_validation_task as shown_task

UNSAID = "The worker gives no reason."


async def poll(call: Call, body: dict[str, Any]) -> Reply:
    """Wait for an update to judge; `task` is null when none came in time."""
    server = call.server
    channel = Channel(call.namespace, body["task_queue"], JUDGED)
    worker = await server.workers.polling(channel, body["worker_id"], body.get("build_id"))
    wish = Poll(channel, worker, body.get("poll_request_id"))
    leased = await wait_for_task(server, wish, body.get("timeout_seconds"), call.lost)
    task = None if leased is None else await whole(server, leased, worker.framing)
    return Reply(200, {"task": task, "poll_status": "empty" if task is None else "leased"})


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


def whole(server: Server, leased: LeasedTask, framing: str) -> Pending:
    """The task with its update, its run as it stands now, and the whole history.

    Answered with None when the update is over meanwhile.
    """
    return server.read(_whole, leased.task, framing)


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


def _whole(tx: Any, task: Task, framing: str) -> dict[str, Any] | None:
    asked = stored_updates.find_update(tx, task.shard, task.task_id)
    found = stored_runs.find_run(tx, task.namespace, task.workflow_id, task.run_id)
    if asked is None or found is None:
        return None
    run, details = found
    events = histories.list_events(tx, run.shard, run.run_id, 0, run.last_sequence)
    return shown_task(task, asked, run, details.input, events, framing)
