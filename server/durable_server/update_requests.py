"""What a client says when it has a workflow carry something out, and the wait for the outcome."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from durable_server.advance.intents import AcceptUpdate, WithdrawUpdate
from durable_server.attribution import command_of
from durable_server.call import Call
from durable_server.client_input import Input, input_of
from durable_server.clock import SECOND
from durable_server.command_contracts import Declared, has_validator
from durable_server.engine.client_request import ClientRequest
from durable_server.engine.run_state import Run, Update
from durable_server.engine.update import Receipt, Rejection, Wanted
from durable_server.engine.update_events import OPEN, UNJUDGED, VALIDATING
from durable_server.external_payloads import moved_out, stored_as, verified
from durable_server.ids import new_plain_id, shard_of
from durable_server.matching.timing import wait_until_changed
from durable_server.refusal import Refusal
from durable_server.store import command_contracts as stored_contracts
from durable_server.store import runs as stored_runs
from durable_server.store import updates as stored_updates
from durable_server.store import workers as stored_workers
from durable_server.views import updates as shown
from durable_server.views.updates import Wait

WAIT_SECONDS_MAX = 3600
JUDGES = "update_validation_tasks"
Place = tuple[str, str | None]


@dataclass(slots=True)
class Client:
    """Whoever waits for an update, what they wait for now, and whether they are gone."""

    watch: Any = None
    gone: bool = False

    def leave(self) -> None:
        """The client has disconnected: nobody waits any more."""
        self.gone = True
        if self.watch is not None:
            self.watch.answer(False)


class Target(NamedTuple):
    """What the type of a workflow declares, and whether a worker runs that judges its updates."""

    declared: Declared | None
    judged: bool


async def wanted_of(
    call: Call,
    body: dict[str, Any],
    place: Place,
    name: str,
    command: dict[str, Any] | None = None,
) -> Wanted:
    """The update that a body asks for; `place`: workflow id, and run id if named.

    `command` is the attribution where it is not the usual one.
    """
    workflow_id, run_id = place
    silence = call.server.settings.worker_silence_seconds * SECOND
    heard_since = call.server.clock.now() - silence
    target = await call.server.read(_target, call.namespace, workflow_id, heard_since)
    if target is None:
        raise Refusal("instance_not_found", workflow_id=workflow_id)
    given = body.get("input")
    inline = await verified(call, given, "input")
    found = input_of(target.declared, "update", name, inline)
    rejection = _rejection(found)
    arguments = stored_as(given, await moved_out(call, found.arguments, new_plain_id()))
    # The name and the input alone make a request the same as an earlier one; a client that asks
    # again may wait for something else.
    attribution = command or command_of(call, {"input": body.get("input")})
    return Wanted(
        ClientRequest("update", workflow_id, run_id, None, attribution),
        name,
        arguments,
        body.get("request_id") or None,
        rejection,
        rejection is None and has_validator(target.declared, name),
        target.judged,
        call.trace_of(body),
    )


async def carry_out(call: Call, body: dict[str, Any], wanted: Wanted) -> tuple[Receipt, Wait]:
    """Have an update carried out; returns once the stage that `body` waits for is reached."""
    wait, ends_at = _wait(call, body), call.server.matcher.timers.now() + _seconds(call, body)
    shard = shard_of(call.namespace, wanted.request.workflow_id)
    intent = AcceptUpdate(shard=shard, namespace=call.namespace, wanted=wanted)
    receipt: Receipt = await call.server.lanes.put(intent)
    asked = receipt.update
    if asked.status == VALIDATING:
        asked = await _judged(call, asked, ends_at)
    if wait.seconds is not None and asked.status == OPEN:
        asked = await _until_not(call, asked, OPEN, ends_at)
    return receipt._replace(update=asked), wait


async def _judged(call: Call, asked: Update, ends_at: float) -> Update:
    """The update once a worker has judged it, or as it stands when nobody has in time."""
    judged = await _until_not(call, asked, VALIDATING, ends_at)
    if judged.status != VALIDATING:
        return judged
    intent = WithdrawUpdate(shard=asked.shard, update_id=asked.update_id)
    left: Update | None = await call.server.lanes.put(intent)
    return left or judged


def told(receipt: Receipt, wait: Wait) -> dict[str, Any]:
    """What the client is told of its update; refuses one that was not taken, or that failed."""
    body = shown.shown(receipt, wait)
    status, reason = receipt.update.status, body["reason"]
    facts = {name: value for name, value in body.items() if name != "reason"}
    if status == UNJUDGED:
        raise _unjudged(receipt, reason)
    if reason == "unknown_update":
        raise Refusal("unknown_update", **facts)
    if reason == "invalid_update_arguments":
        raise Refusal("invalid_update_arguments", **facts)
    if reason == "update_validator_rejected":
        raise Refusal("update_validator_rejected", **facts)
    if status == "failed" and wait.stage == "completed":
        raise Refusal("update_failed", **facts)
    return body


def _unjudged(receipt: Receipt, reason: str) -> Refusal:
    """Why nobody has judged the update; nothing of it is left."""
    asked = receipt.update
    facts = {
        "workflow_id": asked.workflow_id,
        "run_id": asked.run_id,
        "workflow_type": receipt.workflow_type,
        "update_id": None,
        "update_name": asked.name,
        "update_status": "rejected",
        "retryable": True,
    }
    if reason == "update_validation_task_not_claimed":
        return Refusal("update_validation_task_not_claimed", **facts)
    if reason == "update_validation_execution_timeout":
        return Refusal("update_validation_execution_timeout", **facts)
    if reason == "run_not_active":
        return Refusal("run_not_active", **facts, outcome="rejected_not_active")
    message = orjson.loads(asked.failure or "{}").get("message", "")
    return Refusal("update_validation_worker_failed", **facts, failure_message=message)


async def _until_not(call: Call, asked: Update, status: str, ends_at: float) -> Update:
    """The update once it has left this status, or as it stands when the time is over."""
    server, client = call.server, Client()
    call.lost(client.leave)
    while True:
        watched = asked.run_id
        watch = client.watch = server.watchers.watch(watched)
        asked = await server.read(stored_updates.find_update, asked.shard, asked.update_id) or asked
        left = ends_at - server.matcher.timers.now()
        if asked.status != status or left <= 0 or client.gone:
            return asked
        if asked.run_id != watched:
            # The run has handed its updates over to the one that continues it.
            watch.answer(False)
            continue
        if not await wait_until_changed(server, watch, left):
            found = await server.read(stored_updates.find_update, asked.shard, asked.update_id)
            return found or asked


def _target(tx: Any, namespace: str, workflow_id: str, heard_since: int) -> Target | None:
    found = stored_runs.find_current_run(tx, namespace, workflow_id)
    if found is None:
        return None
    run = found[1]
    declared = stored_contracts.find_contract(tx, namespace, run.workflow_type)
    if not (declared or {}).get("update_validators"):
        return Target(declared, False)
    workers = stored_workers.workers_of_queue(tx, namespace, run.task_queue, heard_since)
    return Target(declared, any(_judges(each, run) for each in workers))


def _judges(worker: stored_workers.Worker, run: Run) -> bool:
    """Whether a worker takes tasks in which it judges updates of the run."""
    listed = worker.supported_workflow_types
    takes = listed is None or run.workflow_type in orjson.loads(listed)
    same_build = run.build_id in (None, worker.build_id)
    return takes and same_build and JUDGES in orjson.loads(worker.capabilities)


def _rejection(found: Input) -> Rejection | None:
    if found.unknown:
        return Rejection("unknown_update", {})
    return Rejection("invalid_update_arguments", found.errors) if found.errors else None


def _wait(call: Call, body: dict[str, Any]) -> Wait:
    stage = body.get("wait_for") or "accepted"
    return Wait(stage, None if stage == "accepted" else _seconds(call, body))


def _seconds(call: Call, body: dict[str, Any]) -> int:
    """For how long the client waits at most, for a worker's judgement or for completion."""
    given = body.get("wait_timeout_seconds")
    if given:
        return min(int(given), WAIT_SECONDS_MAX)
    return call.server.settings.update_wait_completion_timeout_seconds
