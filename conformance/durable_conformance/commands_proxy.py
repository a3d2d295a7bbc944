"""`durable-conformance proxy`: judge what passes between clients and a server."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from durable_conformance.options import File, taking
from durable_conformance.proxy.court import SIDES
from durable_conformance.proxy.serve import JUDGED_BYTES_MAX, ProxyOptions, run

UNDECIDED = 2
_SCHEMES = ("http://", "https://")

Words = list[str] | None


@dataclass(frozen=True)
class Flags:
    """What the caller of `proxy` asks for, as it was said."""

    upstream: Annotated[str, typer.Option(help="Address of the server.")]
    command: Annotated[
        Words, typer.Argument(help="After --: what to run; {url} in it is the proxy's address.")
    ] = None
    listen: Annotated[str, typer.Option(help="HOST:PORT; port 0 takes any.")] = "127.0.0.1:8090"
    report: Annotated[File, typer.Option(help="Write what is found as JSON lines.")] = None
    side: Annotated[str, typer.Option(help="Whom to judge: client, server or both.")] = "both"
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="End at the first.")] = False
    judged_bytes_max: Annotated[
        int, typer.Option(min=1, help="Bodies that are larger pass unjudged.")
    ] = JUDGED_BYTES_MAX

    def options(self) -> ProxyOptions:
        """The same, understood; what cannot be is a bad parameter."""
        host, _, port = self.listen.rpartition(":")
        if not port.isdecimal():
            raise typer.BadParameter("--listen is HOST:PORT")
        if self.side not in (*SIDES, "both"):
            raise typer.BadParameter("--side is client, server or both")
        if not self.upstream.startswith(_SCHEMES):
            raise typer.BadParameter("--upstream starts with http:// or https://")
        return ProxyOptions(
            upstream=self.upstream.rstrip("/"),
            host=host or "127.0.0.1",
            port=int(port),
            report=Path(self.report) if self.report else None,
            sides=SIDES if self.side == "both" else (self.side,),
            fail_fast=self.fail_fast,
            judged_bytes_max=self.judged_bytes_max,
            command=tuple(self.command or ()),
        )


@taking(Flags)
def proxy(flags: Flags) -> None:
    """Stand between clients and a server, and tell what breaks the contract.

    Ends with SIGINT, SIGTERM or the command. Exit status: 0 when nothing broke the contract, 1 when
    something did, 2 when nothing was judged or the command failed.
    """
    try:
        status = run(flags.options(), typer.echo)
    except OSError as problem:
        typer.echo(f"durable-conformance: {problem}", err=True)
        raise typer.Exit(UNDECIDED) from problem
    raise typer.Exit(status)
