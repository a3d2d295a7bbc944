"""Runs: cancel, terminate, repair, archive; the current run of a workflow, named or not."""

from typing import Any

from durable_server.advance.run_requests import ChangeRun
from durable_server.attribution import command_of
from durable_server.call import Call, Reply
from durable_server.engine.client_request import ClientRequest
from durable_server.ids import shard_of


async def cancel(call: Call, body: dict[str, Any], workflow_id: str) -> Reply:
    """Close the current run at once, as cancelled."""
    return await _change(call, body, "cancel", workflow_id)


async def cancel_run(call: Call, body: dict[str, Any], workflow_id: str, run_id: str) -> Reply:
    """Close this run at once, as cancelled; it must be the current one."""
    return await _change(call, body, "cancel", workflow_id, run_id)


async def terminate(call: Call, body: dict[str, Any], workflow_id: str) -> Reply:
    """Close the current run at once, as terminated."""
    return await _change(call, body, "terminate", workflow_id)


async def terminate_run(call: Call, body: dict[str, Any], workflow_id: str, run_id: str) -> Reply:
    """Close this run at once, as terminated; it must be the current one."""
    return await _change(call, body, "terminate", workflow_id, run_id)


async def repair(call: Call, body: dict[str, Any], workflow_id: str) -> Reply:
    """Make the tasks that the current run lacks."""
    return await _change(call, body, "repair", workflow_id)


async def repair_run(call: Call, body: dict[str, Any], workflow_id: str, run_id: str) -> Reply:
    """Make the tasks that this run lacks; it must be the current one."""
    return await _change(call, body, "repair", workflow_id, run_id)


async def archive(call: Call, body: dict[str, Any], workflow_id: str) -> Reply:
    """Mark the current run, which must be closed, as archived."""
    return await _change(call, body, "archive", workflow_id)


async def archive_run(call: Call, body: dict[str, Any], workflow_id: str, run_id: str) -> Reply:
    """Mark this run as archived; it must be the current one, and closed."""
    return await _change(call, body, "archive", workflow_id, run_id)


async def _change(
    call: Call, body: dict[str, Any], kind: str, workflow_id: str, run_id: str | None = None
) -> Reply:
    attribution = command_of(call, body)
    if body.get("request_id"):
        attribution["caller_request_id"] = body["request_id"]
    request = ClientRequest(kind, workflow_id, run_id, body.get("reason") or None, attribution)
    shard = shard_of(call.namespace, workflow_id)
    intent = ChangeRun(shard=shard, namespace=call.namespace, request=request)
    return Reply(200, await call.server.lanes.put(intent))
