"""Signals: taken in, shown to workers at their place in the history, and used once.

A run takes in signals as they come. One that comes while a workflow task is leased waits for the
end of that task, since its worker decides on the history that it was given; it is kept all the
same.

When a signal has been used (`applied`) depends on what the worker does with it. Python and PHP run
a handler for each signal that they find in the history, so the next completion has used every
signal that its task showed. Other workers use the one signal that their task names: for a signal
wait of its name, or to look at a condition again. What is not used when a run closes stays
received.
"""

from typing import Any, NamedTuple

import orjson

from durable_server import payloads
from durable_server.engine import bounds, client_request, dialects, waits
from durable_server.engine import start as starting
from durable_server.engine.client_request import ClientRequest
from durable_server.engine.decision import Decision, Draft, Moment
from durable_server.engine.resume import resume_run
from durable_server.engine.run_state import Payload, Run, RunState, Signal
from durable_server.engine.signal_events import RECEIVED, record
from durable_server.engine.start import Start
from durable_server.refusal import Refusal

OUTCOME = "signal_received"


class Wanted(NamedTuple):
    """The signal that a client sends; `arguments` may be a plain list that is to be encoded.

    `own_key` names it where the client gives no request id, so that carrying it out again after a
    lost connection recognises it.
    """

    request: ClientRequest
    name: str
    arguments: Payload | None
    request_id: str | None
    own_key: str | None = None
    trace: str | None = None

    @property
    def key(self) -> str | None:
        """What the signal is known by."""
        return self.request_id or self.own_key


def accept(state: RunState | None, moment: Moment, wanted: Wanted) -> Decision:
    """Take a signal in, or tell of the one that had its request id."""
    request = wanted.request
    if state is None:
        raise Refusal("instance_not_found", workflow_id=request.workflow_id)
    retained = _retained(state, wanted)
    if retained is not None:
        return Draft(state, moment).done(_answer(state.run, wanted, retained, True))
    found = client_request.addressed(state, request)
    client_request.open_run(found, request, signal_name=wanted.name)
    draft = Draft(found, moment)
    signal = new(draft, wanted)
    take_in(draft, signal)
    return draft.done(_answer(draft.run, wanted, signal, False))


def accept_with_start(
    state: RunState | None, moment: Moment, wanted: Wanted, start: Start, anew: bool
) -> Decision:
    """Take a signal in, with a run that begins for it where the workflow has no open one.

    An open run stays as it is, whatever the start asks for. A closed one is refused, unless the
    client wants the workflow to begin `anew`.
    """
    if state is not None:
        retained = _retained(state, wanted)
        if retained is not None:
            answer = _answer(state.run, wanted, retained, True)
            return Draft(state, moment).done({**answer, "started": False})
        starting.check_type(start, state)
        if not state.run.closed or not anew:
            decision = accept(state, moment, wanted)
            decision.answer["started"] = False
            return decision
    draft = starting.begin(start, moment, None if state is None else state.workflow)
    signal = new(draft, wanted)
    take_in(draft, signal)
    return draft.done({**_answer(draft.run, wanted, signal, False), "started": True})


def new(draft: Draft, wanted: Wanted) -> Signal:
    """The row of a signal that a client sends, within the bounds of its run."""
    run = draft.run
    facts = {"workflow_id": run.workflow_id, "run_id": run.run_id, "signal_name": wanted.name}
    bounds.keep(draft, "pending_signal_count", run.open_signals, run.open_signals + 1, **facts)
    arguments = _encoded(run, wanted.arguments)
    if arguments is not None:
        bounds.keep(draft, "payload_size", 0, len(arguments.blob), **facts)
    accepted = client_request.accept(draft, wanted.request, OUTCOME)
    return Signal(
        shard=run.shard,
        signal_id=draft.new_id(),
        run_id=run.run_id,
        namespace=run.namespace,
        workflow_id=run.workflow_id,
        command_id=accepted.command_id,
        command_sequence=accepted.sequence,
        name=wanted.name,
        codec=None if arguments is None else arguments.codec,
        arguments=None if arguments is None else arguments.blob,
        request_id=wanted.key,
        status=RECEIVED,
        recorded=False,
        wait_id=None,
        step=None,
        command=orjson.dumps({**accepted.command, "target_name": wanted.name}).decode(),
        received_at=draft.now,
        applied_at=None,
        trace=wanted.trace,
    )


def take_in(draft: Draft, signal: Signal) -> None:
    """A signal is accepted: record it, or hold it until the leased task ends."""
    run = draft.run
    run.open_signals += 1
    draft.put_signal(signal, new=True)
    if run.task_leased:
        run.held_messages += 1
        return
    recorded = record(draft, signal)
    if run.task_id is None and waits.takes(run, recorded):
        resume_run(draft, context(run, recorded))


def context(run: Run, signal: Signal) -> dict[str, Any]:
    """Why the task of a signal exists; workers without handlers are given its arguments here."""
    arguments = {}
    if signal.arguments is not None and not dialects.runs_handlers(run.sdk_version):
        payload = Payload(signal.codec or "", signal.arguments)
        arguments = {"signal_arguments": payloads.to_envelope(payload)}
    return {
        **arguments,
        "workflow_wait_kind": "signal",
        "open_wait_id": f"signal-application:{signal.signal_id}",
        "resume_source_kind": "workflow_signal",
        "resume_source_id": signal.signal_id,
        "workflow_signal_id": signal.signal_id,
        "signal_name": signal.name,
        "signal_wait_id": signal.wait_id,
        "workflow_command_id": signal.command_id,
        **({} if signal.trace is None else {"trace": signal.trace}),
    }


def _retained(state: RunState, wanted: Wanted) -> Signal | None:
    """The signal that was sent with this request id, in this batch or earlier."""
    if wanted.key is None:
        return None
    known = known_by(state, wanted.key)
    if known is None:
        return None
    conflict = _conflict(state.run, known, wanted)
    if conflict:
        raise Refusal(
            "request_id_conflict",
            workflow_id=known.workflow_id,
            run_id=known.run_id,
            signal_name=wanted.name,
            request_id=wanted.request_id,
            retained_command_id=known.command_id,
            retained_command_type="signal",
            retained_outcome=OUTCOME,
            conflict=conflict,
        )
    return known


def known_by(state: RunState, key: str) -> Signal | None:
    """The signal that is known by this key, of this batch or earlier."""
    known = state.requests.get(("signal", key))
    for signal in state.signals.values():
        if signal.request_id == key:
            known = signal
    return known if isinstance(known, Signal) else None


def _conflict(run: Run, known: Signal, wanted: Wanted) -> list[str]:
    """In what a signal differs from the one that had its request id."""
    arguments = wanted.arguments
    if known.codec != payloads.PLAIN:
        arguments = _encoded(run, arguments)
    kept = None if known.arguments is None else Payload(known.codec or "", known.arguments)
    target = orjson.loads(known.command or "{}").get("resolved_run_id")
    found = {
        "signal_name": known.name != wanted.name,
        "arguments": kept != arguments,
        "run_id": wanted.request.wanted_run_id not in (None, target),
    }
    return [name for name, differs in found.items() if differs]


def _encoded(run: Run, arguments: Payload | None) -> Payload | None:
    """The arguments as the run's workers read them; plain ones wait for the first worker."""
    if arguments is None or run.framing is None:
        return arguments
    return payloads.render(arguments, run.framing)


def _answer(run: Run, wanted: Wanted, signal: Signal, known: bool) -> dict[str, Any]:
    accepted = client_request.Accepted(signal.command_id, signal.command_sequence, {})
    retained = known and wanted.request_id is not None
    verified = {"intent_verified": True} if retained else {}
    return {
        **client_request.answer(run, accepted, OUTCOME, None),
        "run_id": signal.run_id,
        "resolved_run_id": signal.run_id,
        "signal_name": signal.name,
        "request_id": wanted.request_id,
        "retained": retained,
        **verified,
    }
