"""The command `durable-contracts`: bundle, check, diff and manifests.

Exit status: 0 all is well, 1 the contract broke a rule or a promise, 2 the command could not tell.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from durable_contracts import (
    blessed,
    compare,
    consistency,
    difference,
    locate,
    manifests,
    sources,
)
from durable_contracts.bundle import LOWERED_FILE, PUBLISHED_FILE, as_yaml, assemble
from durable_contracts.defect import Defect
from durable_contracts.locate import Tree
from durable_contracts.lower import lower

application = typer.Typer(
    help="Build, check and compare the HTTP contract.",
    no_args_is_help=True,
    add_completion=False,
)
Root = Annotated[Path | None, typer.Option(help="Directory with openapi/ and contracts/.")]
CHANGED, UNCLEAR = 1, 2


def main() -> None:
    """Run the command line."""
    try:
        application()
    except Defect as defect:
        print(defect, file=sys.stderr)
        sys.exit(UNCLEAR)


@application.command()
def bundle(
    root: Root = None,
    openapi: Annotated[str, typer.Option(help="3.1 as published, or 3.0 as routed.")] = "3.1",
    form: Annotated[str, typer.Option(help="json or yaml.")] = "json",
) -> None:
    """Print the contract as one document."""
    if openapi not in ("3.1", "3.0") or form not in ("json", "yaml"):
        raise Defect("bundle", "there are 3.1 and 3.0, in json and yaml")
    document = assemble(_tree(root))
    if openapi == "3.0":
        document = lower(document)
    text = manifests.text_of(document) if form == "json" else as_yaml(document)
    typer.echo(text, nl=False)


@application.command()
def check(root: Root = None) -> None:
    """Compare sources, derived files and blessed versions; say what repairs a difference."""
    problems = list(_problems(_tree(root)))
    for problem in problems:
        typer.echo(problem)
    if problems:
        raise typer.Exit(CHANGED)
    typer.echo("the contract is whole")


@application.command()
def diff(
    old: Annotated[str, typer.Argument(help="A directory, a document, a git ref or a URL.")],
    new: Annotated[str, typer.Argument(help="What it is compared with.")],
    form: Annotated[str, typer.Option(help="text, json or markdown.")] = "text",
) -> None:
    """Say what changed between two contracts: identical, additive or breaking (exit status 1)."""
    if form not in difference.FORMS:
        raise Defect("diff", f"there are {', '.join(difference.FORMS)}")
    changes = compare.diff(sources.contract(old), sources.contract(new))
    typer.echo(difference.FORMS[form](changes))
    if compare.verdict(changes) == compare.BREAKING:
        raise typer.Exit(CHANGED)


@application.command("manifests")
def manifests_command(
    root: Root = None,
    write: Annotated[bool, typer.Option("--write", help="Rebuild the derived files.")] = False,
    bless: Annotated[str | None, typer.Option(help="Freeze a plane: control, worker.")] = None,
) -> None:
    """List the derived files and their digests; rebuild them, or freeze a plane's version."""
    tree = _tree(root)
    if write:
        for name in manifests.write(tree):
            typer.echo(f"rebuilt contracts/manifests/{name}")
    if bless is not None:
        typer.echo(f"blessed {bless} {blessed.PLANES.get(bless)} {blessed.bless(tree, bless)}")
    if not write and bless is None:
        for name, manifest in manifests.derive(tree).items():
            typer.echo(f"{manifests.digest(manifest)}  {name}")


def _problems(tree: Tree) -> Iterator[str]:
    try:
        derived = manifests.derive(tree)
    except Defect as defect:
        yield str(defect)
        return
    for name, why in manifests.stale(tree, derived):
        yield f"contracts/manifests/{name} {why}: run `{manifests.REPAIR}`"
    yield from _specification_problems(derived)
    try:
        yield from consistency.violations(tree, derived)
        yield from blessed.broken(tree)
    except Defect as defect:
        yield str(defect)


def _specification_problems(derived: dict[str, Any]) -> Iterator[str]:
    # Slow to import, and needed here only: the server reads the documents without it.
    from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

    for name, validator in (
        (PUBLISHED_FILE, OpenAPIV31SpecValidator),
        (LOWERED_FILE, OpenAPIV30SpecValidator),
    ):
        for error in validator(derived[name]).iter_errors():
            place = "/".join(map(str, error.absolute_path))
            yield f"contracts/manifests/{name}#/{place} is not OpenAPI: {error.message[:200]}"


def _tree(root: Path | None) -> Tree:
    return locate.tree() if root is None else Tree(root)
