"""`dw search-attribute`: what runs can be found by."""

from typing import Annotated

import typer

from durable_cli.command import command, noun
from durable_cli.options import starting
from durable_cli.session import Session

app = noun()
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the attribute.")]


def _types(word: str) -> list[str]:
    return starting(word, "keyword", "text", "int", "double", "bool", "datetime", "keyword_list")


@command(app, "list", aliases=("ls",))
def list_attributes(session: Session) -> None:
    """List the search attributes: the system's, and those of the namespace."""
    from durable_cli.table import Column

    body = session.call("search_attributes.list")
    if not session.printer.for_people:
        session.printer.done(body, "")
        return
    items = [
        {"name": name, "type": kind, "kind": kind_of}
        for kind_of in ("custom", "system")
        for name, kind in sorted((body.get(f"{kind_of}_attributes") or {}).items())
    ]
    columns = [Column("NAME", "name"), Column("TYPE", "type"), Column("KIND", "kind")]
    session.printer.listed({"attributes": items}, "attributes", columns, "None.")


@command(app, "create")
def create(
    session: Session,
    name: Name,
    type: Annotated[
        str, typer.Argument(metavar="TYPE", help="keyword, text, int, …", autocompletion=_types)
    ],
) -> None:
    """Create a search attribute of the namespace."""
    body = session.call("search_attributes.create", body={"name": name, "type": type})
    session.printer.done(body, f"Created search attribute {name} of type {type}")


@command(app, "delete", aliases=("rm",))
def delete(session: Session, name: Name) -> None:
    """Delete a search attribute; values that runs have stay with them."""
    body = session.call("search_attributes.delete", name=name)
    session.printer.done(body, f"Deleted search attribute {name}")
