"""`durable-conformance proxy`: judge what passes between clients and a server."""

from pathlib import Path
from typing import Annotated

import typer

from durable_conformance.proxy.court import SIDES
from durable_conformance.proxy.serve import ProxyOptions, run

UNDECIDED = 2


def proxy(
    upstream: Annotated[str, typer.Option(help="Address of the server.")],
    command: Annotated[
        list[str] | None,
        typer.Argument(help="After --: a command to run; {url} in it is the proxy's address."),
    ] = None,
    listen: Annotated[str, typer.Option(help="HOST:PORT; port 0 takes any.")] = "127.0.0.1:8090",
    report: Annotated[Path | None, typer.Option(help="Write what is found as JSON lines.")] = None,
    side: Annotated[str, typer.Option(help="Whom to judge: client, server or both.")] = "both",
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="End at the first.")] = False,
    judged_bytes_max: Annotated[
        int, typer.Option(min=1, help="Bodies that are larger pass unjudged.")
    ] = 8 * 1024 * 1024,
) -> None:
    """Stand between clients and a server, and tell what breaks the contract.

    Ends with SIGINT, SIGTERM or the command. Exit status: 0 when nothing broke the contract, 1 when
    something did, 2 when nothing was judged or the command failed.
    """
    host, _, port = listen.rpartition(":")
    if not port.isdecimal() or side not in (*SIDES, "both"):
        raise typer.BadParameter("--listen is HOST:PORT; --side is client, server or both")
    if not upstream.startswith(("http://", "https://")):
        raise typer.BadParameter("--upstream starts with http:// or https://")
    options = ProxyOptions(
        upstream=upstream.rstrip("/"),
        host=host or "127.0.0.1",
        port=int(port),
        report=report,
        sides=SIDES if side == "both" else (side,),
        fail_fast=fail_fast,
        judged_bytes_max=judged_bytes_max,
        command=tuple(command or ()),
    )
    try:
        status = run(options, typer.echo)
    except OSError as problem:
        typer.echo(f"durable-conformance: {problem}", err=True)
        raise typer.Exit(UNDECIDED) from problem
    raise typer.Exit(status)
