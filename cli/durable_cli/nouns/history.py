"""`dw history`: reading, following, exporting and verifying what happened in runs."""

import base64
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from durable_cli import bundles, given, looking
from durable_cli.command import command, noun
from durable_cli.options import Limit, Span, WorkflowId
from durable_cli.pages import Listing, gathered, onward
from durable_cli.problem import FAILURE, USAGE, Problem
from durable_cli.session import Body, Session

app = noun()
RunId = Annotated[
    str | None, typer.Argument(metavar="[RUN_ID]", help="Run id; the current run if absent.")
]
# A server holds a poll as long as it is set to; the protocol allows a minute.
WAIT_SECONDS_MAX = 60.0
PAGE_SIZE = 1000


@command(app, "show", aliases=("list",))
def show(
    session: Session,
    workflow_id: WorkflowId,
    span: Span,
    run_id: RunId = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on as events come, until the run ends.")
    ] = False,
) -> None:
    """Show the events of a run in their order."""
    from durable_cli import events

    run_id = looking.run_id_of(session, workflow_id, run_id)
    if follow:
        for event in following(session, workflow_id, run_id):
            session.printer.line(event, events.line)
        return
    listing = Listing("history.list", "events", span.most, span.page_token, PAGE_SIZE)
    body = gathered(session, listing, {}, workflow_id=workflow_id, run_id=run_id)
    session.printer.listed(
        body, "events", events.EVENTS, "The run has no events.", onward(body, "events")
    )


@command(app, "export")
def export(
    session: Session,
    workflow_id: WorkflowId,
    run_id: RunId = None,
    to: Annotated[
        Path | None, typer.Option("--to", "--file", help="A file to write; else standard output.")
    ] = None,
) -> None:
    """Export a run as one document that verifies and replays without the server."""
    run_id = looking.run_id_of(session, workflow_id, run_id)
    content = session.reply("history.export", workflow_id=workflow_id, run_id=run_id).content
    if to is None:
        # Exactly the bytes that the checksum is of.
        _write_out(content)
        return
    written(to, content)
    session.printer.done(
        {"workflow_id": workflow_id, "run_id": run_id, "file": str(to), "bytes": len(content)},
        f"Exported {workflow_id}",
        [("run id", run_id), ("file", str(to)), ("bytes", len(content))],
    )


@command(app, "export-all")
def export_all(
    session: Session,
    folder: Annotated[Path, typer.Argument(help="A folder for one file per run.")],
    query: Annotated[str | None, typer.Option("--query", help="Only runs that fit.")] = None,
    limit: Limit = 1000,
) -> int:
    """Export many runs, each into `WORKFLOW_ID.RUN_ID.json` of a folder.

    Exit status: 1 when some could not be exported; the others are there.
    """
    listed = gathered(session, Listing("workflows.list", "workflows", limit), {"query": query})
    runs, failed = listed["workflows"], []
    folder.mkdir(parents=True, exist_ok=True)
    with session.progress("Exporting") as progress:
        for count, run in enumerate(runs):
            progress.at(count, len(runs), f"Exporting {run['workflow_id']}")
            try:
                _export_into(session, folder, run)
            except Problem as problem:
                failed.append({"workflow_id": run["workflow_id"], "message": str(problem)})
    body = {"folder": str(folder), "exported": len(runs) - len(failed), "failed": failed}
    sentence = f"Exported {body['exported']} of {len(runs)} runs into {folder}"
    session.printer.done(
        body, sentence, [(f"{each['workflow_id']} failed", each["message"]) for each in failed]
    )
    return FAILURE if failed else 0


@command(app, "verify", alone=True)
def verify(
    session: Session,
    file: Annotated[Path, typer.Argument(help="An exported run.")],
    key_env: Annotated[
        str | None, typer.Option("--key-env", help="Variable with the key of the signature.")
    ] = None,
) -> int:
    """Verify an exported run: its shape, the order of its events, its checksum and signature.

    Needs no server. Exit status: 0 when it is whole and unchanged, else 1.
    """
    key = None if key_env is None else os.environ.get(key_env)
    if key_env is not None and not key:
        raise Problem(f"The variable {key_env} holds no key.", USAGE)
    judgement = bundles.judged(read(file), key)
    body: Body = {"file": str(file), "valid": judgement.whole, **vars(judgement)}
    body["problems"] = list(judgement.problems)
    session.printer.done(
        body,
        f"{file} is whole and unchanged" if judgement.whole else f"{file} is not to be trusted",
        [
            ("workflow id", judgement.workflow_id),
            ("run id", judgement.run_id),
            ("events", judgement.events),
            ("run had ended", judgement.complete),
            ("signature", judgement.signature),
            *(("problem", each) for each in judgement.problems),
        ],
    )
    return 0 if judgement.whole else FAILURE


@command(app, "import")
def import_bundle(
    session: Session, file: Annotated[Path, typer.Argument(help="An exported run.")]
) -> None:
    """Import an exported run, for reading."""
    bundle = given.object_of(f"@{file}", "FILE")
    body = session.call("imports.history_export", body=bundle)
    facts = [
        (name.replace("_", " "), body.get(name)) for name in ("workflow_id", "run_id", "outcome")
    ]
    session.printer.done(body, f"Imported {file}", facts)


def following(session: Session, workflow_id: str, run_id: str) -> Iterator[Body]:
    """The events of a run as they come, until the one that closes it.

    The server holds the request until there is a further event; nothing is read twice.
    """
    from durable_cli.events import CLOSING

    seen = 0
    while True:
        query = {"page_size": PAGE_SIZE, "wait_new_event": 1, "next_page_token": _behind(seen)}
        names: Any = {"workflow_id": workflow_id, "run_id": run_id}
        body = session.call("history.list", query=query, wait_seconds=WAIT_SECONDS_MAX, **names)
        for event in body["events"]:
            # A server that knows no such token begins anew.
            if event["sequence"] <= seen:
                continue
            seen = event["sequence"]
            yield event
            if event["event_type"] in CLOSING:
                return


def _behind(sequence: int) -> str | None:
    """The page that follows an event: tokens of histories are the base64 of its number."""
    return base64.b64encode(str(sequence).encode()).decode() if sequence else None


def read(file: Path) -> bytes:
    """The bytes of a file."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise Problem(f"The file {file} cannot be read: {error.strerror}.", USAGE) from error


def written(file: Path, content: bytes) -> None:
    """Write a file whole, or leave what was there."""
    fresh = file.with_name(file.name + ".part")
    try:
        fresh.write_bytes(content)
        fresh.replace(file)
    except OSError as error:
        raise Problem(f"The file {file} cannot be written: {error.strerror}.", USAGE) from error


def _export_into(session: Session, folder: Path, run: Body) -> None:
    names: Any = {name: str(run[name]) for name in ("workflow_id", "run_id")}
    content = session.reply("history.export", **names).content
    safe = "".join(
        each if each.isalnum() or each in "._-" else "_" for each in names["workflow_id"]
    )
    written(folder / f"{safe}.{names['run_id']}.json", content)


def _write_out(content: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
