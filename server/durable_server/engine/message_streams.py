"""Message streams: numbered input that workflow code reads at its own pace, once.

A message is a signal of a reserved name whose one argument says its stream, its id and its
position. Positions count from 1 over all runs of a workflow. With each completion the worker says
how far its code has read (`Run.streams`: the last position given out, and the last one read). A
message stays unused until then; when the run continues as new, the next one is told how far each
stream was read, and given what was not.
"""

from typing import Any, NamedTuple

import orjson

from durable_server import payloads
from durable_server.engine import bounds, client_request, signal_events
from durable_server.engine import signal as signals
from durable_server.engine.client_request import ClientRequest
from durable_server.engine.decision import Decision, Draft, Moment
from durable_server.engine.run_state import Payload, RunState, Signal
from durable_server.engine.signal import Wanted
from durable_server.refusal import Refusal

SIGNAL_NAME = "__durable_workflow_message_stream"
MESSAGE = "durable-workflow.v2.message-stream.message"
CURSOR = "durable-workflow.v2.message-stream.cursor"
STREAMS_MAX = 100


class Append(NamedTuple):
    """The message that a client appends; `content` is its list of arguments."""

    request: ClientRequest
    stream_name: str
    message_id: str
    content: Payload
    trace: str | None = None

    @property
    def key(self) -> str:
        """What the message is known by: appended again it is the same one."""
        return orjson.dumps(["message-stream", self.stream_name, self.message_id]).decode()


def append(state: RunState | None, moment: Moment, wanted: Append) -> Decision:
    """Append a message to a stream of the current run, or tell of the one that has its id."""
    request = wanted.request
    if state is None:
        raise Refusal("instance_not_found", workflow_id=request.workflow_id)
    known = signals.known_by(state, wanted.key)
    if known is not None:
        return Draft(state, moment).done(_answer(wanted, known, "message_duplicate"))
    client_request.open_run(state, request)
    draft = Draft(state, moment)
    streams = draft.run.streams
    if wanted.stream_name not in streams and len(streams) >= STREAMS_MAX:
        raise Refusal(
            "structural_limit_exceeded",
            workflow_id=request.workflow_id,
            limit_kind="message_stream_count",
            current_value=len(streams) + 1,
            configured_limit=STREAMS_MAX,
        )
    place = streams.setdefault(wanted.stream_name, [0, 0])
    place[0] += 1
    told = {
        "schema": MESSAGE,
        "stream_name": wanted.stream_name,
        "message_id": wanted.message_id,
        "position": place[0],
        "payload_envelope": payloads.to_envelope(payloads.render(wanted.content, None)),
    }
    bounds.keep(draft, "payload_size", 0, len(wanted.content.blob), **_facts(request))
    message = _signal(draft, request, told, wanted.key)._replace(trace=wanted.trace)
    signals.take_in(draft, message)
    return draft.done(_answer(wanted, message, "message_appended"))


def read(draft: Draft, cursors: tuple[tuple[str, int], ...]) -> None:
    """Workflow code has read its streams up to these positions: what lies before is used."""
    streams = draft.run.streams
    for name, position in cursors:
        if name in streams:
            last, through = streams[name]
            streams[name] = [last, max(through, min(last, position))]
    if not cursors:
        return
    for message in draft.signals():
        stream, position = place_of(message)
        unused = message.status == signal_events.RECEIVED and message.recorded
        if unused and stream in streams and position <= streams[stream][1]:
            signal_events.apply(draft, message, message.step)


def hand_over(draft: Draft, successor: Draft) -> None:
    """The run continues as another, which is told first how far each stream was read."""
    successor.run.streams = {name: list(place) for name, place in draft.run.streams.items()}
    for name, (_, through) in sorted(successor.run.streams.items()):
        if through == 0:
            continue
        told = {"schema": CURSOR, "stream_name": name, "through_position": through}
        request = ClientRequest("signal", draft.run.workflow_id, None, None, {"source": "workflow"})
        cursor = _signal(successor, request, told, None)
        successor.run.open_signals += 1
        successor.put_signal(cursor, new=True)
        signal_events.apply(successor, signal_events.record(successor, cursor), None)


def place_of(message: Signal) -> tuple[str, int]:
    """The stream and the position of a message; position 0 for any other signal."""
    if message.name != SIGNAL_NAME or message.command is None:
        return "", 0
    told = orjson.loads(message.command).get("context") or {}
    return told.get("stream_name", ""), told.get("position", 0)


def _signal(draft: Draft, request: ClientRequest, told: dict[str, Any], key: str | None) -> Signal:
    place = {name: told[name] for name in ("stream_name", "message_id", "position") if name in told}
    attributed = {**request.attribution, "context": place}
    arguments = payloads.render(payloads.plain([told]), None)
    wanted = Wanted(request._replace(attribution=attributed), SIGNAL_NAME, arguments, key)
    return signals.new(draft, wanted)


def _facts(request: ClientRequest) -> dict[str, Any]:
    return {"workflow_id": request.workflow_id}


def _answer(wanted: Append, message: Signal, outcome: str) -> dict[str, Any]:
    return {
        "workflow_id": message.workflow_id,
        "run_id": message.run_id,
        "stream_name": wanted.stream_name,
        "message_id": wanted.message_id,
        "position": place_of(message)[1],
        "command_id": message.command_id,
        "command_sequence": message.command_sequence,
        "outcome": outcome,
    }
