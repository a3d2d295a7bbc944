"""`dw server`: health, versions and diagnosis; and a server for development."""

import json
import os
import socket
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from durable_cli import doctor as checks
from durable_cli.cells import moment, status
from durable_cli.command import command, noun
from durable_cli.problem import FAILURE, Problem
from durable_cli.redact import shown_address
from durable_cli.session import Body, Session
from durable_cli.table import Column, Details

app = noun()
_FAMILIES = ("WORKFLOW_SERVER_AUTH", "DW_", "DURABLE_WORKFLOW_")


@command(app, "health")
def health(session: Session) -> None:
    """Say whether the server serves. Exit status: 0 when it does."""
    body = session.call("health.health")
    checked = body.get("checks") or {}
    session.printer.described(
        body,
        lambda _: Details(
            shown_address(session.connection.server),
            status(body.get("status")),
            [("time", moment(body.get("timestamp"))), *checked.items()],
        ),
    )


@command(app, "info")
def info(session: Session) -> None:
    """Show what the server is, speaks and can do."""
    session.printer.described(session.call("cluster.info"), _info)


@command(app, "contracts")
def contracts(
    session: Session,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Print this document, as JSON.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="Only openapi, manifest, refusals, requirements or schema.")
    ] = None,
) -> None:
    """List what the server's contract is made of, or print one part of it."""
    if name is not None:
        sys.stdout.write(json.dumps(session.call("contracts.read", name=name), indent=1) + "\n")
        return
    body = session.call("contracts.list")
    body["documents"] = [each for each in body["documents"] if kind in (None, each["kind"])]
    columns = [
        Column("NAME", "name"),
        Column("KIND", "kind"),
        Column("DIGEST", lambda each: each["digest"][:12]),
    ]
    session.printer.listed(body, "documents", columns, "None.")


@command(app, "doctor")
def doctor(session: Session) -> int:
    """Check connection, readiness, versions, clock, credential and workers; say what to do.

    Exit status: 0 when all is well, else that of the first thing that is wrong.
    """
    findings = checks.examine(session)
    body: Body = {
        "server": shown_address(session.connection.server),
        "namespace": session.connection.namespace,
        "profile": session.connection.profile,
        "sources": session.connection.sources,
        "findings": [vars(each) for each in findings],
    }
    session.printer.described(
        body,
        lambda _: Details(
            body["server"],
            rows=[
                (
                    "namespace",
                    f"{body['namespace']} (from {session.connection.sources['namespace']})",
                ),
                ("profile", body["profile"]),
            ],
            blocks=[("Findings", _findings(findings))],
        ),
    )
    return next((each.exit_code for each in findings if each.exit_code), 0)


@command(app, "start-dev", alone=True)
def start_dev(
    session: Session,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 8080,
    database: Annotated[
        Path, typer.Option(help="SQLite file; it is made when it is not there.")
    ] = Path("durable-dev.sqlite"),
) -> None:
    """Start a server for development here: SQLite, this machine only, open without credentials."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(_FAMILIES)}
    program = Path(sys.executable).parent / "durable-server"
    _refuse_taken(port)
    session.printer.say(
        f"A server for development, open to everyone on this machine: http://127.0.0.1:{port}\n"
        f"Try: dw --server http://127.0.0.1:{port} server health. Ctrl-C ends it."
    )
    words = ["serve", "--bootstrap", "--host", "127.0.0.1", "--port", str(port)]
    words += ["--database", f"sqlite:///{database.absolute()}"]
    sys.stderr.flush()
    try:
        # This program becomes the server, so that signals reach it.
        os.execve(program, [str(program), *words], {**kept, "WORKFLOW_SERVER_AUTH_DRIVER": "none"})
    except OSError as error:
        raise Problem(
            f"The server cannot be started: {error}",
            FAILURE,
            remedy="Install durable-workflow-server into the environment of dw.",
        ) from error


def _refuse_taken(port: int) -> None:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError as error:
            raise Problem(
                f"Port {port} of this machine cannot be had: {error.strerror}.",
                FAILURE,
                remedy="Name another, as in --port 8081, or end what listens there.",
            ) from error


def _info(body: Body) -> Details:
    control, worker = body.get("control_plane") or {}, body.get("worker_protocol") or {}
    offered = sorted(n for n, v in (body.get("capabilities") or {}).items() if v is True)
    lacking = sorted(n for n, v in (body.get("capabilities") or {}).items() if v is False)
    rows: list[tuple[str, Any]] = [
        ("server id", body.get("server_id")),
        ("release", body.get("version")),
        ("control plane", control.get("version")),
        ("worker protocol", worker.get("version")),
        ("default namespace", body.get("default_namespace")),
        *(
            (f"{name} clients", text)
            for name, text in (body.get("supported_sdk_versions") or {}).items()
        ),
    ]
    return Details(
        "Durable workflow server",
        rows=rows,
        blocks=[
            ("Can do", ", ".join(offered)),
            ("Cannot do", ", ".join(lacking)),
            ("Limits", body.get("limits")),
        ],
    )


def _findings(findings: list[checks.Finding]) -> Text:
    told = Text()
    for each in findings:
        told.append("\n" if told else "")
        told.append_text(status(each.state)).append(f"  {each.check}: {each.message}")
        if each.remedy:
            told.append("\n  do: ", style="bold").append(each.remedy)
    return told
