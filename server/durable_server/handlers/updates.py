"""Updates: what a client has a workflow carry out, and the wait for its outcome."""

from typing import Any, NamedTuple

from durable_server.advance.intents import AcceptUpdate
from durable_server.attribution import command_of
from durable_server.call import Call, Reply
from durable_server.client_input import Input, check_name, input_of
from durable_server.clock import monotonic_seconds
from durable_server.command_contracts import Declared
from durable_server.engine.client_request import ClientRequest
from durable_server.engine.run_state import Update
from durable_server.engine.update import Receipt, Rejection, Wanted
from durable_server.engine.update_events import OPEN
from durable_server.ids import shard_of
from durable_server.matching.timing import wait_until_changed
from durable_server.refusal import Refusal
from durable_server.store import command_contracts as stored_contracts
from durable_server.store import runs as stored_runs
from durable_server.store import updates as stored_updates
from durable_server.views import updates as shown
from durable_server.views.updates import Wait

WAIT_SECONDS_MAX = 3600


class Target(NamedTuple):
    """A workflow that there is, and what its type declares."""

    declared: Declared | None


async def update(call: Call, body: dict[str, Any], workflow_id: str, update_name: str) -> Reply:
    """Have the current run carry an update out, and wait for the stage that is asked for."""
    return await _update(call, body, (workflow_id, None), update_name)


async def update_run(
    call: Call, body: dict[str, Any], workflow_id: str, run_id: str, update_name: str
) -> Reply:
    """As `update`, if the run is the current one."""
    return await _update(call, body, (workflow_id, run_id), update_name)


async def _update(
    call: Call, body: dict[str, Any], place: tuple[str, str | None], name: str
) -> Reply:
    workflow_id, run_id = place
    check_name("update", name)
    target = await call.server.read(_target, call.namespace, workflow_id)
    if target is None:
        raise Refusal("instance_not_found", workflow_id=workflow_id)
    found = input_of(target.declared, "update", name, body.get("input"))
    # The name and the input alone make a request the same as an earlier one; a client that asks
    # again may wait for something else.
    attribution = command_of(call, {"input": body.get("input")})
    wanted = Wanted(
        ClientRequest("update", workflow_id, run_id, None, attribution),
        name,
        found.arguments,
        body.get("request_id") or None,
        _rejection(found),
    )
    wait = _wait(call, body)
    shard = shard_of(call.namespace, workflow_id)
    intent = AcceptUpdate(shard=shard, namespace=call.namespace, wanted=wanted)
    receipt: Receipt = await call.server.lanes.put(intent)
    if wait.seconds is not None and receipt.update.status == OPEN:
        closed = await _until_closed(call, receipt.update, wait.seconds)
        receipt = receipt._replace(update=closed)
    return _reply(receipt, wait)


def _reply(receipt: Receipt, wait: Wait) -> Reply:
    body = shown.shown(receipt, wait)
    status, outcome = receipt.update.status, body["outcome"]
    facts = {name: value for name, value in body.items() if name != "reason"}
    if outcome == "rejected_unknown_update":
        raise Refusal("unknown_update", **facts)
    if outcome == "rejected_invalid_arguments":
        raise Refusal("invalid_update_arguments", **facts)
    if status == "failed" and wait.stage == "completed":
        raise Refusal("update_failed", **facts)
    return Reply(200 if status == "completed" else 202, body)


async def _until_closed(call: Call, update: Update, seconds: int) -> Update:
    """The update once it is over, or as it stands when the time is."""
    ends_at = monotonic_seconds() + seconds
    while True:
        # The run may hand its updates over to the one that continues it.
        watch = call.server.watchers.watch(update.run_id)
        found = await call.server.read(stored_updates.find_update, update.shard, update.update_id)
        update = found or update
        left = ends_at - monotonic_seconds()
        if update.status != OPEN or left <= 0:
            return update
        if not await wait_until_changed(call.server, watch, left):
            found = await call.server.read(
                stored_updates.find_update, update.shard, update.update_id
            )
            return found or update


def _target(tx: Any, namespace: str, workflow_id: str) -> Target | None:
    found = stored_runs.find_current_run(tx, namespace, workflow_id)
    if found is None:
        return None
    run = found[1]
    return Target(stored_contracts.find_contract(tx, namespace, run.workflow_type))


def _rejection(found: Input) -> Rejection | None:
    if found.unknown:
        return Rejection("unknown_update", {})
    return Rejection("invalid_update_arguments", found.errors) if found.errors else None


def _wait(call: Call, body: dict[str, Any]) -> Wait:
    stage = body.get("wait_for") or "accepted"
    if stage == "accepted":
        return Wait(stage, None)
    wanted = body.get("wait_timeout_seconds")
    default = call.server.settings.update_wait_completion_timeout_seconds
    return Wait(stage, min(int(wanted), WAIT_SECONDS_MAX) if wanted else default)
