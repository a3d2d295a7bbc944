"""`durable-conformance`: hold servers and SDKs against the protocol; one module per command."""

from collections.abc import Callable
from typing import Any

import typer

from durable_conformance.commands_fuzz import fuzz
from durable_conformance.commands_proxy import proxy
from durable_conformance.commands_run import check, list_scenarios, run
from durable_conformance.commands_sdk import sdk
from durable_conformance.commands_sign import sign, verify

COMMANDS: dict[str, Callable[..., Any]] = {
    "run": run,
    "list": list_scenarios,
    "check": check,
    "proxy": proxy,
    "fuzz": fuzz,
    "sign": sign,
    "verify": verify,
    "sdk": sdk,
}


def _application() -> typer.Typer:
    made = typer.Typer(
        help="Hold a durable-workflow server against its protocol, over HTTP.",
        no_args_is_help=True,
        add_completion=False,
    )
    for name, command in COMMANDS.items():
        made.command(name)(command)
    return made


app = _application()


def main() -> None:
    """The command `durable-conformance`."""
    app()
