"""`durable-conformance sign` and `verify`: who stands for a report, and that nobody changed it."""

from pathlib import Path
from typing import Annotated

import typer
from durable_contracts.defect import Defect

from durable_conformance import signing

CHANGED, UNDECIDED = 1, 2


def sign(
    report: Annotated[Path, typer.Argument(help="A report of JSON lines.")],
    key: Annotated[Path, typer.Option(help="Private Ed25519 key, PEM.")],
) -> None:
    """Put a signature under a report: openssl genpkey -algorithm ed25519 makes the key."""
    try:
        signing.sign(report, key)
    except (Defect, OSError) as problem:
        typer.echo(f"durable-conformance: {problem}", err=True)
        raise typer.Exit(UNDECIDED) from problem
    typer.echo(f"signed {report}")


def verify(
    report: Annotated[Path, typer.Argument(help="A signed report of JSON lines.")],
    key: Annotated[Path, typer.Option(help="Public Ed25519 key, PEM.")],
) -> None:
    """Tell whether a report is what the holder of a key signed.

    Exit status: 0 when it is, 1 when it is not, 2 when that cannot be told.
    """
    try:
        problem = signing.verify(report, key)
    except (Defect, OSError) as error:
        typer.echo(f"durable-conformance: {error}", err=True)
        raise typer.Exit(UNDECIDED) from error
    if problem is not None:
        typer.echo(f"{report}: {problem}")
        raise typer.Exit(CHANGED)
    typer.echo(f"{report}: as it was signed")
