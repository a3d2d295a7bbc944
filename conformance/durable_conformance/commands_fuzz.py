"""`durable-conformance fuzz`: requests made from the contract, and what they reached."""

import json
import time
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from durable_contracts.defect import Defect

from durable_conformance.client import Client
from durable_conformance.fuzz.bounds import Bounds
from durable_conformance.options import File, Text, taking
from durable_conformance.runner import discover
from durable_conformance.target import target_of
from durable_conformance.verdict import Undecided

FOUND, UNDECIDED = 1, 2


@dataclass(frozen=True)
class Flags:
    """What the caller of `fuzz` asks for."""

    server: Annotated[Text, typer.Option(help="Address of the target.")] = None
    target: Annotated[File, typer.Option(help="File that describes the target.")] = None
    namespace: Annotated[Text, typer.Option(help="Namespace to work in.")] = None
    token: Annotated[Text, typer.Option(help="Credential for every role.")] = None
    worker_token: Annotated[Text, typer.Option(help="Credential of a worker.")] = None
    operator_token: Annotated[Text, typer.Option(help="Credential of an operator.")] = None
    admin_token: Annotated[Text, typer.Option(help="Credential of an admin.")] = None
    examples: Annotated[int, typer.Option(min=1, help="Requests per operation and mode.")] = 20
    seed: Annotated[int | None, typer.Option(help="Makes the same requests again.")] = None
    total_seconds: Annotated[float, typer.Option(min=1, help="Most for all of it.")] = 900
    coverage: Annotated[File, typer.Option(help="Write what was reached as JSON.")] = None

    def stated(self) -> dict[str, Any]:
        """What was said about the target."""
        given = {
            "any": self.token,
            "worker": self.worker_token,
            "operator": self.operator_token,
            "admin": self.admin_token,
        }
        credentials = {role: value for role, value in given.items() if value}
        return {"url": self.server, "namespace": self.namespace, "credentials": credentials}


@taking(Flags)
def fuzz(flags: Flags) -> None:
    """Send requests that the contract allows and forbids, and judge every answer.

    Exit status: 0 when no answer broke the contract, 1 when one did, 2 when that cannot be told.
    """
    try:
        found, seed = _run(flags)
    except (Defect, Undecided, OSError) as problem:
        typer.echo(f"durable-conformance: {problem}", err=True)
        raise typer.Exit(UNDECIDED) from problem
    typer.echo(found.coverage.text())
    reached, missing = len(found.coverage.reached), len(found.coverage.missing())
    late = ", out of time" if found.out_of_time else ""
    typer.echo(
        f"{found.requests} requests, {len(found.failures)} failures, {reached} answers reached, "
        f"{missing} not, {len(found.coverage.undocumented())} undocumented, seed {seed}{late}"
    )
    raise typer.Exit(FOUND if found.failures else 0)


def _run(flags: Flags) -> tuple[Any, int]:
    try:
        from durable_conformance.fuzz.run import Fuzz, chosen_seed
    except ImportError as error:
        text = f"install durable-conformance[fuzz], which brings schemathesis ({error})"
        raise Undecided(text) from error
    client = Client(target_of(flags.stated(), flags.target))
    try:
        target = discover(client)
    finally:
        client.close()
    seed = chosen_seed(flags.seed)
    bounds = Bounds(flags.examples, seed, time.monotonic() + flags.total_seconds)
    found = Fuzz(target, bounds, typer.echo).run()
    if flags.coverage is not None:
        document = {
            "seed": seed,
            "requests": found.requests,
            "failures": found.failures,
            "operations": found.coverage.document(),
        }
        flags.coverage.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return found, seed
