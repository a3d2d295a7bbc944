"""Signals: what a client tells a running workflow."""

from typing import Any, NamedTuple

from durable_server.advance.signal_intents import SendSignal, SignalWithStart
from durable_server.attribution import command_of
from durable_server.call import Call, Reply
from durable_server.client_input import Input, check_name, input_of
from durable_server.command_contracts import Declared
from durable_server.engine.client_request import ClientRequest, rejection, target_of
from durable_server.engine.run_state import Run
from durable_server.engine.signal import Wanted
from durable_server.ids import new_plain_id, shard_of
from durable_server.refusal import Refusal
from durable_server.start_input import start_of
from durable_server.store import command_contracts as stored_contracts
from durable_server.store import runs as stored_runs


class Target(NamedTuple):
    """The current run of a workflow, and what its type declares."""

    run: Run
    declared: Declared | None


async def signal(call: Call, body: dict[str, Any], workflow_id: str, signal_name: str) -> Reply:
    """Tell the current run of a workflow something."""
    return await _signal(call, body, (workflow_id, None), signal_name)


async def signal_run(
    call: Call, body: dict[str, Any], workflow_id: str, run_id: str, signal_name: str
) -> Reply:
    """As `signal`, if the run is the current one."""
    return await _signal(call, body, (workflow_id, run_id), signal_name)


async def signal_with_start(
    call: Call, body: dict[str, Any], workflow_id: str, signal_name: str
) -> Reply:
    """Tell a workflow something, and start it for that if it has no open run."""
    check_name("signal", signal_name)
    await call.server.rollouts.known()
    start = start_of(call, body, workflow_id)
    contract = stored_contracts.find_contract
    declared = await call.server.read(contract, call.namespace, start.workflow_type)
    found = input_of(declared, "signal", signal_name, body.get("signal_input"))
    _judge({"workflow_id": workflow_id, "workflow_type": start.workflow_type}, signal_name, found)
    intent = SignalWithStart(
        shard=start.shard,
        namespace=call.namespace,
        wanted=_wanted(call, body, (workflow_id, None), signal_name, found),
        start=start,
        anew=body.get("closed_run_policy") == "start_new_run",
    )
    return Reply(202, await call.server.lanes.put(intent))


async def _signal(
    call: Call, body: dict[str, Any], place: tuple[str, str | None], name: str
) -> Reply:
    workflow_id, _ = place
    check_name("signal", name)
    target = await call.server.read(_target, call.namespace, workflow_id)
    if target is None:
        raise Refusal("instance_not_found", workflow_id=workflow_id)
    found = input_of(target.declared, "signal", name, body.get("input"))
    if not target.run.closed:
        _judge(target_of(target.run), name, found)
    wanted = _wanted(call, body, place, name, found)
    shard = shard_of(call.namespace, workflow_id)
    intent = SendSignal(shard=shard, namespace=call.namespace, wanted=wanted)
    return Reply(202, await call.server.lanes.put(intent))


def _wanted(
    call: Call, body: dict[str, Any], place: tuple[str, str | None], name: str, found: Input
) -> Wanted:
    return Wanted(
        ClientRequest("signal", *place, None, command_of(call, body)),
        name,
        found.arguments,
        body.get("request_id") or None,
        new_plain_id(),
    )


def _target(tx: Any, namespace: str, workflow_id: str) -> Target | None:
    found = stored_runs.find_current_run(tx, namespace, workflow_id)
    if found is None:
        return None
    run = found[1]
    return Target(run, stored_contracts.find_contract(tx, namespace, run.workflow_type))


def _judge(target: dict[str, Any], name: str, found: Input) -> None:
    """Refuse a signal that the workflow's type does not declare, or not with these arguments."""
    if found.unknown:
        facts = {**target, **rejection("unknown_signal")}
        raise Refusal("unknown_signal", **facts, signal_name=name)
    if found.errors:
        facts = {**target, **rejection("invalid_signal_arguments")}
        facts["validation_errors"] = found.errors
        raise Refusal("invalid_signal_arguments", **facts, signal_name=name)
