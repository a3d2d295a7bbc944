"""What becomes of an accepted signal, as the history tells it and as its row keeps it.

A signal is received once, at its place in the history, and used at most once. `signal` says when
that is.
"""

from typing import Any

import orjson

from durable_server import payloads
from durable_server.engine import waits
from durable_server.engine.decision import Draft
from durable_server.engine.run_state import Payload, Run, Signal

RECEIVED, APPLIED = "received", "applied"


def record(draft: Draft, signal: Signal) -> Signal:
    """Write a signal into the history at the place where workers may know of it."""
    run = draft.run
    wait_id = waits.reserve(run, signal) or f"signal-command:{signal.command_id}"
    recorded = signal._replace(recorded=True, wait_id=wait_id)
    draft.put_signal(recorded)
    arguments: dict[str, Any] = {}
    if signal.arguments is not None and signal.codec is not None:
        payload = Payload(signal.codec, signal.arguments)
        arguments = {"arguments": payloads.to_envelope(payload), "payload_codec": signal.codec}
    event = {
        "workflow_command_id": signal.command_id,
        "signal_id": signal.signal_id,
        "workflow_instance_id": run.workflow_id,
        "workflow_run_id": run.run_id,
        "signal_name": signal.name,
        "signal_wait_id": wait_id,
        **arguments,
        **({"command": orjson.loads(signal.command)} if signal.command else {}),
    }
    draft.append("SignalReceived", event, command_id=signal.command_id)
    return recorded


def open_signals(draft: Draft) -> list[Signal]:
    """The signals that workers know of and have not used or seen, in the order of arrival."""
    known = (each for each in draft.signals() if each.status == RECEIVED and each.recorded)
    return [each for each in known if each.step is None]


def buffered(draft: Draft, name: str) -> Signal | None:
    """The oldest signal of a name that came before any wait took it."""
    reserved = {wait["id"] for wait in draft.run.waits}
    free = (each for each in open_signals(draft) if each.wait_id not in reserved)
    return next((each for each in free if each.name == name), None)


def apply(draft: Draft, signal: Signal, step: int | None) -> None:
    """A worker has used the signal."""
    applied = signal._replace(status=APPLIED, step=step, applied_at=draft.now)
    draft.put_signal(applied)
    draft.run.open_signals -= 1


def see(draft: Draft, signal: Signal, step: int) -> None:
    """A worker knows of the signal, and will say later when it has used it."""
    draft.put_signal(signal._replace(step=step))


def apply_to_wait(draft: Draft, signal: Signal, wait: waits.Wait) -> None:
    """A signal wait has its signal."""
    value = _value(draft.run, signal)
    told = {
        "workflow_command_id": signal.command_id,
        "signal_id": signal.signal_id,
        "signal_name": signal.name,
        "signal_wait_id": wait["id"],
        "sequence": wait["step"],
        "value": value.blob,
        "payload_codec": value.codec,
    }
    draft.append("SignalApplied", told, command_id=signal.command_id)
    waits.end_signal(draft, wait)
    apply(draft, signal, wait["step"])


def hand_over(draft: Draft, successor: Draft) -> None:
    """The run continues as another: what it has not used goes along, with its ids.

    The first events of the successor are recorded already; the end of this run is not.
    """
    for signal in draft.signals():
        if signal.status == RECEIVED:
            number, run_id = successor.take_command(), successor.run.run_id
            moved = signal._replace(run_id=run_id, command_sequence=number, wait_id=None, step=None)
            successor.run.open_signals += 1
            draft.run.open_signals -= 1
            # Both drafts leave the row the same: it is no longer this run's.
            draft.put_signal(record(successor, moved))


def _value(run: Run, signal: Signal) -> Payload:
    """What a signal wait returns: the argument, true without one, a list of several."""
    if signal.arguments is None:
        return payloads.render(payloads.plain(True), run.framing)
    payload = Payload(signal.codec or "", signal.arguments)
    values = payloads.decode(payload)
    if not isinstance(values, list):
        return payloads.render(payload, run.framing)
    value = values[0] if len(values) == 1 else values or True
    return payloads.render(payloads.plain(value), run.framing)
