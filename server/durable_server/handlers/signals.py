"""Signals: what a client tells a running workflow."""

from typing import Any

from durable_server import signal_requests
from durable_server.advance.signal_intents import SignalWithStart
from durable_server.attribution import command_of
from durable_server.call import Call, Reply
from durable_server.client_input import check_name, input_of
from durable_server.external_payloads import moved_out, stored_as, verified
from durable_server.ids import new_plain_id
from durable_server.start_input import start_in
from durable_server.store import command_contracts as stored_contracts


async def signal(call: Call, body: dict[str, Any], workflow_id: str, signal_name: str) -> Reply:
    """Tell the current run of a workflow something."""
    answer = await signal_requests.send(call, body, (workflow_id, None), signal_name)
    return Reply(202, answer)


async def signal_run(
    call: Call, body: dict[str, Any], workflow_id: str, run_id: str, signal_name: str
) -> Reply:
    """As `signal`, if the run is the current one."""
    answer = await signal_requests.send(call, body, (workflow_id, run_id), signal_name)
    return Reply(202, answer)


async def signal_with_start(
    call: Call, body: dict[str, Any], workflow_id: str, signal_name: str
) -> Reply:
    """Tell a workflow something, and start it for that if it has no open run."""
    check_name("signal", signal_name)
    start = await start_in(call, body, workflow_id)
    contract = stored_contracts.find_contract
    declared = await call.server.read(contract, call.namespace, start.workflow_type)
    given = body.get("signal_input")
    found = input_of(declared, "signal", signal_name, await verified(call, given, "signal_input"))
    target = {"workflow_id": workflow_id, "workflow_type": start.workflow_type}
    signal_requests.judge(target, signal_name, found)
    moved = await moved_out(call, found.arguments, new_plain_id())
    found = found._replace(arguments=stored_as(given, moved))
    place = (workflow_id, None)
    wanted = signal_requests.wanted_of(body, place, signal_name, found, command_of(call, body))
    intent = SignalWithStart(
        shard=start.shard,
        namespace=call.namespace,
        wanted=wanted._replace(trace=start.trace),
        start=start,
        anew=body.get("closed_run_policy") == "start_new_run",
    )
    return Reply(202, await call.server.lanes.put(intent))
