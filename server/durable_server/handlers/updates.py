"""Updates: what a client has a workflow carry out, and the wait for its outcome."""

from typing import Any

from durable_server import update_requests
from durable_server.call import Call, Reply
from durable_server.client_input import check_name


async def update(call: Call, body: dict[str, Any], workflow_id: str, update_name: str) -> Reply:
    """Have the current run carry an update out, and wait for the stage that is asked for."""
    return await _update(call, body, (workflow_id, None), update_name)


async def update_run(
    call: Call, body: dict[str, Any], workflow_id: str, run_id: str, update_name: str
) -> Reply:
    """As `update`, if the run is the current one."""
    return await _update(call, body, (workflow_id, run_id), update_name)


async def _update(
    call: Call, body: dict[str, Any], place: update_requests.Place, name: str
) -> Reply:
    check_name("update", name)
    wanted = await update_requests.wanted_of(call, body, place, name)
    receipt, wait = await update_requests.carry_out(call, body, wanted)
    told = update_requests.told(receipt, wait)
    return Reply(200 if receipt.update.status == "completed" else 202, told)
