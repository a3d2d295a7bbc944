"""`dw workflow signal`, `query`, `update` and `message`: talking to workflow code."""

from typing import Annotated, Any

import typer

from durable_cli.command import command, noun
from durable_cli.ids import request_id
from durable_cli.options import Payload, RunId, Stage, WorkflowId
from durable_cli.session import Body, Session, stated

app = noun()
QUERY_SECONDS = 35.0
_WAIT_SECONDS_DEFAULT = 10


@command(app, "signal")
def signal(
    session: Session,
    workflow_id: WorkflowId,
    signal_name: Annotated[str, typer.Argument(metavar="SIGNAL", help="Signal name.")],
    payload: Payload,
    run_id: RunId = None,
) -> None:
    """Tell a workflow something."""
    body = _asked(payload)
    path: Any = {"workflow_id": workflow_id, "signal_name": signal_name}
    if run_id is None:
        reply = session.call("signals.signal", body=body, **path)
    else:
        reply = session.call("signals.signal_run", body=body, run_id=run_id, **path)
    session.printer.done(
        reply,
        f"Signalled {signal_name} to {workflow_id}",
        [("run id", reply.get("run_id")), ("outcome", reply.get("outcome"))],
    )


@command(app, "query")
def query(
    session: Session,
    workflow_id: WorkflowId,
    query_name: Annotated[str, typer.Argument(metavar="QUERY", help="Query name.")],
    payload: Payload,
    run_id: RunId = None,
) -> None:
    """Ask the code of a workflow about its state, and print the answer."""
    body = stated(input=payload.arguments())
    path: Any = {"workflow_id": workflow_id, "query_name": query_name}
    wait: Any = {"wait_seconds": QUERY_SECONDS}
    with session.progress(f"Waiting for a worker to answer {query_name}"):
        if run_id is None:
            reply = session.call("queries.query", body=body, **wait, **path)
        else:
            reply = session.call("queries.query_run", body=body, run_id=run_id, **wait, **path)
    _result(session, reply)


@command(app, "update")
def update(
    session: Session,
    workflow_id: WorkflowId,
    update_name: Annotated[str, typer.Argument(metavar="UPDATE", help="Update name.")],
    payload: Payload,
    stage: Stage,
    run_id: RunId = None,
) -> int:
    """Have a workflow carry something out, and print its answer.

    Exit status: 0 when it is done (or accepted, with --wait accepted), 1 when it failed, 7 when it
    is not done in time; it is carried out all the same.
    """
    body = _asked(payload)
    body |= stated(wait_for=stage.wait, wait_timeout_seconds=stage.wait_timeout)
    path: Any = {"workflow_id": workflow_id, "update_name": update_name}
    path["wait_seconds"] = float(stage.wait_timeout or _WAIT_SECONDS_DEFAULT)
    with session.progress(f"Waiting for {update_name} to be {stage.wait}"):
        if run_id is None:
            reply = session.call("updates.update", body=body, **path)
        else:
            reply = session.call("updates.update_run", body=body, run_id=run_id, **path)
    return _updated(session, reply)


@command(app, "message")
def message(
    session: Session,
    workflow_id: WorkflowId,
    stream_name: Annotated[str, typer.Argument(metavar="STREAM", help="Stream name.")],
    payload: Payload,
    message_id: Annotated[
        str | None, typer.Option("--message-id", help="The same twice is appended once.")
    ] = None,
) -> None:
    """Append a message to a stream that a workflow reads at its own pace."""
    body = stated(message_id=message_id or request_id(), input=payload.arguments())
    reply = session.call(
        "message_streams.append", body=body, workflow_id=workflow_id, stream_name=stream_name
    )
    session.printer.done(
        reply,
        f"Appended to {stream_name} of {workflow_id}",
        [
            (name.replace("_", " "), reply.get(name))
            for name in ("position", "message_id", "outcome")
        ],
    )


def _asked(payload: Payload) -> Body:
    return stated(input=payload.arguments(), request_id=request_id())


def _result(session: Session, reply: Body) -> None:
    if session.printer.for_people:
        session.printer.value(reply.get("result"))
    else:
        session.printer.done(reply, "")


def _updated(session: Session, reply: Body) -> int:
    late = bool(reply.get("wait_timed_out"))
    if reply.get("update_status") == "completed":
        _result(session, reply)
        return 0
    facts = [("update id", reply.get("update_id")), ("run id", reply.get("run_id"))]
    ending = "accepted, and not done yet" if late else str(reply.get("update_status"))
    session.printer.done(reply, f"Update {reply.get('update_name')} is {ending}", facts)
    return 7 if late else 0
