"""What a client says when it tells a running workflow something, as the engine takes it."""

from typing import Any, NamedTuple

from durable_server.advance.signal_intents import SendSignal
from durable_server.attribution import command_of
from durable_server.call import Call
from durable_server.client_input import Input, check_name, input_of
from durable_server.command_contracts import Declared
from durable_server.engine.client_request import ClientRequest, rejection, target_of
from durable_server.engine.run_state import Run
from durable_server.engine.signal import Wanted
from durable_server.external_payloads import moved_out, stored_as, verified
from durable_server.ids import new_plain_id, shard_of
from durable_server.refusal import Refusal
from durable_server.store import command_contracts as stored_contracts
from durable_server.store import runs as stored_runs

Place = tuple[str, str | None]


class Target(NamedTuple):
    """The current run of a workflow, and what its type declares."""

    run: Run
    declared: Declared | None


async def send(
    call: Call,
    body: dict[str, Any],
    place: Place,
    name: str,
    command: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Tell the current run of a workflow something; `place`: workflow id, and run id if named.

    `body` has `input` and `request_id`; `command` is the attribution where it is not the usual one.
    """
    workflow_id, _ = place
    check_name("signal", name)
    target = await call.server.read(_target, call.namespace, workflow_id)
    if target is None:
        raise Refusal("instance_not_found", workflow_id=workflow_id)
    given = body.get("input")
    inline = await verified(call, given, "input")
    found = input_of(target.declared, "signal", name, inline)
    if not target.run.closed:
        judge(target_of(target.run), name, found)
    arguments = stored_as(given, await moved_out(call, found.arguments, new_plain_id()))
    found = found._replace(arguments=arguments)
    wanted = wanted_of(body, place, name, found, command or command_of(call, body))
    wanted = wanted._replace(trace=call.trace_of(body))
    shard = shard_of(call.namespace, workflow_id)
    intent = SendSignal(shard=shard, namespace=call.namespace, wanted=wanted)
    answer: dict[str, Any] = await call.server.lanes.put(intent)
    return answer


def wanted_of(
    body: dict[str, Any], place: Place, name: str, found: Input, command: dict[str, Any]
) -> Wanted:
    """The signal that a body asks for."""
    request = ClientRequest("signal", *place, None, command)
    return Wanted(request, name, found.arguments, body.get("request_id") or None, new_plain_id())


def judge(target: dict[str, Any], name: str, found: Input) -> None:
    """Refuse a signal that the workflow's type does not declare, or not with these arguments."""
    if found.unknown:
        facts = {**target, **rejection("unknown_signal")}
        raise Refusal("unknown_signal", **facts, signal_name=name)
    if found.errors:
        facts = {**target, **rejection("invalid_signal_arguments")}
        facts["validation_errors"] = found.errors
        raise Refusal("invalid_signal_arguments", **facts, signal_name=name)


def _target(tx: Any, namespace: str, workflow_id: str) -> Target | None:
    found = stored_runs.find_current_run(tx, namespace, workflow_id)
    if found is None:
        return None
    run = found[1]
    return Target(run, stored_contracts.find_contract(tx, namespace, run.workflow_type))
