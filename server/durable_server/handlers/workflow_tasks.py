"""Workflow tasks: poll, history pages, heartbeat, completion, failure."""

from typing import Any

from durable_server.advance.intents import (
    CompleteWorkflowTask,
    FailWorkflowTask,
    HeartbeatWorkflowTask,
)
from durable_server.call import Call, Reply
from durable_server.engine import commands, workflow_task
from durable_server.engine.decision import Moment
from durable_server.engine.run_state import RunState
from durable_server.engine.tasks import digest_of
from durable_server.engine.update import JUDGED
from durable_server.external_payloads import commands_moved_out
from durable_server.ids import new_id, shard_in
from durable_server.matching.channels import Channel, Poll
from durable_server.matching.poll import nothing, wait_for_task
from durable_server.refusal import Refusal
from durable_server.store import history as histories
from durable_server.store import tasks as stored_tasks
from durable_server.store import updates as stored_updates
from durable_server.views.events import history_fields, page_token, sequence_of
from durable_server.views.tasks import workflow_task as shown_task
from durable_server.views.update_validation_tasks import shown as shown_judgement


async def poll(call: Call, body: dict[str, Any]) -> Reply:
    """Wait for a workflow task; `task` is null when none came in time."""
    server = call.server
    channel = Channel(call.namespace, body["task_queue"], "workflow")
    worker = await server.workers.polling(channel, body["worker_id"], body.get("build_id"))
    settings = server.settings
    page_size = min(
        int(body.get("history_page_size") or settings.history_page_size_default),
        settings.history_page_size_max,
    )
    first, *further = [channel._replace(kind=kind) for kind in _kinds(body)]
    wish = Poll(first, worker, body.get("poll_request_id"), page_size)
    wish.other = further[0] if further else None
    leased = await wait_for_task(server, wish, body.get("timeout_seconds"), call.lost)
    if leased is None:
        return Reply(200, nothing(server, wish))
    if leased.task.kind == JUDGED:
        found = await server.read(stored_updates.find_judgement, leased.task)
        return Reply(200, shown_judgement(found, worker.framing))
    task = shown_task(leased, body.get("accept_history_encoding"), server.limits)
    return Reply(200, {"task": task, "poll_status": "leased"})


def _kinds(body: dict[str, Any]) -> list[str]:
    """The kinds of tasks that a poll waits for, each once."""
    return sorted(set(body.get("task_kinds") or ("workflow",)), reverse=True)


async def complete(call: Call, body: dict[str, Any], task_id: str) -> Reply:
    """Apply a worker's commands to the run of a task that it holds."""
    wanted = await commands_moved_out(call, body["commands"], task_id)
    completion = commands.Completion(
        task_id=task_id,
        lease_owner=body["lease_owner"],
        attempt=int(body["workflow_task_attempt"]),
        commands=commands.parse(wanted),
        digest=digest_of(body["commands"]),
        cursors=tuple(
            (each["stream_name"], each["through_position"])
            for each in body.get("message_stream_cursors") or ()
        ),
    )
    intent = CompleteWorkflowTask(
        shard=_shard(body, task_id), namespace=call.namespace, completion=completion
    )
    return Reply(200, await call.server.lanes.put(intent))


async def fail(call: Call, body: dict[str, Any], task_id: str) -> Reply:
    """Take note that a worker could not carry out a task; it is offered again later."""
    failure = body["failure"]
    report = commands.TaskFailure(
        task_id=task_id,
        lease_owner=body["lease_owner"],
        attempt=int(body["workflow_task_attempt"]),
        # Kept as text for display only, and PostgreSQL's texts do not hold U+0000.
        message=failure["message"].replace("\0", "\ufffd"),
        failure_type=failure.get("type"),
        digest=digest_of(failure),
    )
    intent = FailWorkflowTask(shard=_shard(body, task_id), namespace=call.namespace, report=report)
    return Reply(200, await call.server.lanes.put(intent))


async def heartbeat(call: Call, body: dict[str, Any], task_id: str) -> Reply:
    """Extend the lease of a task."""
    intent = HeartbeatWorkflowTask(
        shard=_shard(body, task_id),
        namespace=call.namespace,
        task_id=task_id,
        lease_owner=body["lease_owner"],
        attempt=int(body["workflow_task_attempt"]),
    )
    return Reply(200, await call.server.lanes.put(intent))


async def history(call: Call, body: dict[str, Any], task_id: str) -> Reply:
    """A further page of the history that came with a task; it does not grow while it is held."""
    shard = _shard(body, task_id)
    attempt = int(body["workflow_task_attempt"])
    token = body.get("next_history_page_token") or body.get("page_token")
    after = sequence_of(token) if isinstance(token, str) else None
    settings = call.server.settings
    limit = min(
        int(body.get("history_page_size") or settings.history_page_size_default),
        settings.history_page_size_max,
    )
    found = await call.server.read(_page, call.namespace, shard, task_id, after or 0, limit)
    run, task, events = found or (None, None, [])
    state = RunState(run, {task_id: task}) if run is not None and task is not None else None
    moment = Moment(call.server.clock.now(), new_id, call.server.limits)
    task = workflow_task.guard(state, moment, task_id, body["lease_owner"], attempt)
    assert run is not None
    if after is None:
        raise Refusal("invalid_page_token", task_id=task_id)
    shown = [event for event in events if event.sequence <= task.history_sequence]
    last = shown[-1].sequence if shown else task.history_sequence
    return Reply(
        200,
        {
            "task_id": task_id,
            "workflow_task_attempt": attempt,
            **history_fields(shown, run, body.get("accept_history_encoding")),
            "total_history_events": task.history_sequence,
            "next_history_page_token": page_token(last) if last < task.history_sequence else None,
        },
    )


def _page(tx: Any, namespace: str, shard: int, task_id: str, after: int, limit: int) -> Any:
    found = stored_tasks.find_task(tx, shard, task_id)
    if found is None or found[1].namespace != namespace:
        return None
    run, task = found
    return run, task, histories.list_events(tx, shard, run.run_id, after, limit)


def _shard(body: dict[str, Any], task_id: str) -> int:
    shard = shard_in(task_id)
    if shard is None:
        raise Refusal(
            "task_not_found.workflow",
            task_id=task_id,
            workflow_task_attempt=int(body["workflow_task_attempt"]),
        )
    return shard
