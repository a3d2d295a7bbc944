"""What becomes of an accepted update, as the history tells it and as its row keeps it.

An update is accepted, then either carried out (applied and completed) or failed; one that is still
open when its run closes fails with it, or goes along to the run that continues it.
"""

from typing import Any

import orjson

from durable_server import payloads
from durable_server.engine.decision import Draft
from durable_server.engine.run_state import Payload, Run, Update

OPEN = "accepted"
# While a worker judges it, and when nobody has.
VALIDATING, UNJUDGED = "validating", "unjudged"


def record(draft: Draft, update: Update) -> None:
    """Write an update into the history at the place where workers may know of it."""
    draft.put_update(update._replace(recorded=True))
    ordering = {"ordering_state": "queued" if draft.run.open_signals else "ready"}
    append(draft, update, "UpdateAccepted", {**arguments_of(draft, update), **ordering})


def complete(draft: Draft, update: Update, result: Payload | None) -> None:
    """A worker has carried the update out."""
    step = _step(draft.run)
    # A step that is not open yet may become a wait, and 0.4.54 to 0.4.106 would hold back until
    # then everything that comes behind an update which names it.
    place = {"sequence": step} if step < draft.run.next_step else {}
    append(draft, update, "UpdateApplied", {**arguments_of(draft, update), **place})
    returned = {} if result is None else {"result": payloads.in_event(result)}
    codec = draft.run.codec_name if result is None else result.codec
    closed = {"sequence": step, **returned, "payload_codec": codec}
    append(draft, update, "UpdateCompleted", closed)
    _close(
        draft,
        update._replace(
            status="completed",
            step=step,
            result_codec=None if result is None else result.codec,
            result=None if result is None else result.blob,
        ),
    )


def fail(draft: Draft, update: Update, failure: dict[str, Any]) -> None:
    """A worker has failed to carry the update out, which replay does not repeat."""
    step = _step(draft.run)
    told = {"failure_id": draft.new_id(), **failure}
    append(draft, update, "UpdateCompleted", {"sequence": step, **told})
    _close(
        draft,
        update._replace(status="failed", step=step, failure=orjson.dumps(told).decode()),
    )


def close_open(draft: Draft) -> None:
    """The run has closed: nobody will carry out what is still open of its updates."""
    for update in draft.updates():
        if update.run_id == draft.run.run_id and update.status == OPEN:
            _give_up(draft, update)


def end_judgements(draft: Draft) -> None:
    """The run closes: what is not accepted yet will not be, at least not by this run."""
    for update in draft.updates():
        if update.run_id == draft.run.run_id and update.status == VALIDATING:
            draft.put_update(unjudged(update, draft.now, {"reason": "run_not_active"}))


def unjudged(update: Update, now: int, failure: dict[str, Any]) -> Update:
    """An update that nobody has judged; its request may be asked again, and is then a new one."""
    told = orjson.dumps(failure).decode()
    return update._replace(status=UNJUDGED, request_id=None, failure=told, closed_at=now)


def hand_over(draft: Draft, successor: Draft) -> None:
    """The run continues as another: its open updates are carried out there.

    Those that a client asked of this very run are not. The first events of the successor are
    recorded already, its first task is not made yet or is ready.
    """
    for update in draft.updates():
        if update.status != OPEN:
            continue
        if update.scope == "run":
            _give_up(draft, update)
            continue
        moved = update._replace(
            run_id=successor.run.run_id, command_sequence=successor.take_command()
        )
        successor.run.open_updates += 1
        record(successor, moved)


def _give_up(draft: Draft, update: Update) -> None:
    reason = draft.run.closed_reason or draft.run.status
    append(draft, update, "UpdateCompleted", {"terminal_reason": reason})
    told = {
        "message": f"The run was closed ({reason}) before the update was carried out.",
        "terminal_reason": reason,
    }
    closed = update._replace(status="failed", failure=orjson.dumps(told).decode())
    draft.put_update(closed._replace(recorded=True, closed_at=draft.now))


def _close(draft: Draft, update: Update) -> None:
    """An update is over; what it changed is looked at in the next task, unless steps are open."""
    draft.put_update(update._replace(closed_at=draft.now))
    run = draft.run
    run.open_updates -= 1
    run.wake_requested = True


def _step(run: Run) -> int:
    """Where an update takes effect: in the wait that is open, else before the next step."""
    return next((wait["step"] for wait in run.waits if "step" in wait), run.next_step)


def arguments_of(draft: Draft, update: Update) -> dict[str, Any]:
    """The arguments of an update as its events carry them."""
    if update.arguments is None:
        return {"payload_codec": draft.run.codec_name}
    given = Payload(update.codec or "", update.arguments)
    if draft.run.framing is not None:
        given = payloads.render(given, draft.run.framing)
    return {"arguments": payloads.in_event(given), "payload_codec": given.codec}


def append(draft: Draft, update: Update, event_type: str, payload: dict[str, Any]) -> None:
    """Record an event of an update; its first one tells who asked for it."""
    identity = {
        "workflow_command_id": update.command_id,
        "update_id": update.update_id,
        "workflow_instance_id": update.workflow_id,
        "workflow_run_id": draft.run.run_id,
        "update_name": update.name,
    }
    first = event_type in ("UpdateAccepted", "UpdateRejected")
    command = {"command": orjson.loads(update.command)} if first and update.command else {}
    draft.append(event_type, {**identity, **payload, **command}, command_id=update.command_id)
