"""Events of outside systems: each becomes one request to one workflow, however often it comes."""

from typing import Any

from durable_server import signal_requests, update_requests
from durable_server.advance.intents import StartRun
from durable_server.attribution import command_of
from durable_server.call import Call, Reply
from durable_server.client_input import check_name
from durable_server.clock import SECOND
from durable_server.engine import bridge
from durable_server.engine.bridge import Event, Taken
from durable_server.engine.run_state import Signal, Update
from durable_server.refusal import Refusal
from durable_server.start_input import start_in
from durable_server.store import bridge_events as stored
from durable_server.views import updates as shown_updates

_DUPLICATE_POLICIES = {"reject_duplicate": "fail", "use_existing": "use-existing"}


async def webhook(call: Call, body: dict[str, Any], adapter: str) -> Reply:
    """Have an event do what it asks for, once; answered with what became of it."""
    if not bridge.ADAPTER.fullmatch(adapter):
        return _reply(adapter, _UNROUTED)
    now = call.server.clock.now() / SECOND
    unsigned = call.server.facts["webhooks"].defect(adapter, call.credentials, now)
    if unsigned is not None:
        return _reply(adapter, Taken("unauthorized", "auth_failed", unsigned))
    event = Event(adapter, body)
    taken = bridge.defect(event)
    if taken is None:
        try:
            taken = await _ACTIONS[event.action](call, event)
        except Refusal as refusal:
            taken = bridge.rejected(refusal)
    return _reply(adapter, taken, event)


def refused(refusal: Refusal, ids: dict[str, str]) -> Reply | None:
    """The outcome of an event that its schema refuses; None leaves any other refusal as it is."""
    if refusal.reason != "validation_failed":
        return None
    adapter = ids["adapter"]
    if not bridge.ADAPTER.fullmatch(adapter):
        return _reply(adapter, _UNROUTED)
    return _reply(adapter, bridge.malformed(refusal.facts["errors"]))


_UNROUTED = Taken("rejected", "unsupported_routing", "Bridge adapter route is unsupported.")


async def _start(call: Call, event: Event) -> Taken:
    target = event.target
    policy = _DUPLICATE_POLICIES[target.get("duplicate_policy") or "use_existing"]
    given = {**target, "input": event.body.get("input"), "duplicate_policy": policy}
    start = await start_in(call, given, target["workflow_id"])
    start = start._replace(command=_attribution(call, event, start.command))
    try:
        answer = await call.server.lanes.put(StartRun(shard=start.shard, wanted=start))
    except Refusal as refusal:
        if refusal.reason != "duplicate_not_allowed":
            raise
        return await _started_before(call, event, refusal)
    told = {name: answer[name] for name in ("workflow_id", "run_id", "workflow_type")}
    told["control_plane_outcome"] = answer["outcome"]
    if answer["outcome"] == "started_new":
        return Taken("accepted", facts=told)
    return Taken("duplicate", "duplicate_start", facts=told)


async def _started_before(call: Call, event: Event, refusal: Refusal) -> Taken:
    """The workflow id is taken: by this very event, or by something else."""
    workflow_id = event.target["workflow_id"]
    found = await call.server.read(stored.starting_command, call.namespace, workflow_id)
    told = {name: refusal.facts[name] for name in ("workflow_id", "run_id", "workflow_type")}
    if bridge.has_mark(found[1], event):
        told |= {"run_id": found[0], "control_plane_outcome": bridge.DEDUPED}
        return Taken("duplicate", "duplicate_start", facts=told)
    told["control_plane_outcome"] = refusal.facts["outcome"]
    return Taken("rejected", "duplicate_start", "The workflow id is taken.", facts=told)


async def _signal(call: Call, event: Event) -> Taken:
    workflow_id, name = event.target["workflow_id"], event.target["signal_name"]
    known = await call.server.read(
        stored.find_signal, call.namespace, workflow_id, event.request_id
    )
    if known is not None:
        return _taken_before(known)
    given = {"input": event.body.get("input"), "request_id": event.request_id}
    command = _attribution(call, event, command_of(call, {"request_id": event.request_id}))
    try:
        answer = await signal_requests.send(call, given, (workflow_id, None), name, command)
    except Refusal as refusal:
        # The same event with other arguments, at the same time: the first one counts.
        if refusal.reason != "request_id_conflict":
            raise
        told = {**refusal.facts, "command_id": refusal.facts["retained_command_id"]}
        return Taken("duplicate", facts=_told(told, bridge.DEDUPED))
    if answer["retained"]:
        return Taken("duplicate", facts=_told(answer, bridge.DEDUPED))
    return Taken("accepted", facts=_told(answer, answer["outcome"]))


async def _update(call: Call, event: Event) -> Taken:
    target = event.target
    workflow_id, name = target["workflow_id"], target["update_name"]
    check_name("update", name)
    known = await call.server.read(
        stored.find_update, call.namespace, workflow_id, event.request_id
    )
    if known is not None:
        return _taken_before(known)
    given = {**target, "input": event.body.get("input"), "request_id": event.request_id}
    # Equal for every delivery, so that the first one counts whatever arguments others have.
    command = _attribution(call, event, command_of(call, {"request_id": event.request_id}))
    place = (workflow_id, None)
    wanted = await update_requests.wanted_of(call, given, place, name, command)
    receipt, wait = await update_requests.carry_out(call, given, wanted)
    if receipt.retained:
        return _taken_before(receipt.update)
    if receipt.update.status == "failed":
        told = shown_updates.shown(receipt, wait)
    else:
        told = update_requests.told(receipt, wait)
    return Taken("accepted", facts=_told(told, told["outcome"] or "update_accepted"))


_ACTIONS = {
    "start_workflow": _start,
    "signal_workflow": _signal,
    "update_workflow": _update,
}


def _attribution(call: Call, event: Event, command: dict[str, Any]) -> dict[str, Any]:
    """Who asks, with the event that it is asked for."""
    return {**command, "context": {**command.get("context", {}), "bridge": event.mark}}


def _taken_before(known: Signal | Update) -> Taken:
    return Taken("duplicate", facts=_told(known._asdict(), bridge.DEDUPED))


def _told(facts: dict[str, Any], outcome: str) -> dict[str, Any]:
    names = ("workflow_id", "run_id", "command_id", "update_id")
    told = {name: facts[name] for name in names if facts.get(name)}
    return {**told, "control_plane_outcome": outcome}


def _reply(adapter: str, taken: Taken, event: Event | None = None) -> Reply:
    return Reply(bridge.STATUSES[taken.outcome], bridge.body_of(adapter, taken, event))
