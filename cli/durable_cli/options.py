"""Options that several commands share: payloads, reasons, run ids, pages."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from durable_cli import given

WorkflowId = Annotated[str, typer.Argument(metavar="WORKFLOW_ID", help="Workflow id.")]
RunId = Annotated[str | None, typer.Option("--run-id", "-r", help="A run; the current if absent.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Why, kept in the history.")]
Limit = Annotated[int, typer.Option("--limit", "-l", min=1, max=100_000, help="At most so many.")]
All = Annotated[bool, typer.Option("--all", help="Everything, page after page.")]
PageToken = Annotated[
    str | None,
    typer.Option("--page-token", "--next-page-token", help="Go on where a list ended."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]


@dataclass(frozen=True)
class Payload:
    """Arguments, in one of three ways."""

    input: Annotated[
        str | None,
        typer.Option("--input", "-i", help="Arguments as JSON, @file, or - for standard input."),
    ] = None
    input_file: Annotated[
        Path | None, typer.Option("--input-file", help="A file with the arguments, - for stdin.")
    ] = None
    input_encoding: Annotated[
        str, typer.Option("--input-encoding", help="json, raw or base64: what the input is.")
    ] = "json"

    def arguments(self) -> Any:
        """The arguments; None when none were given."""
        return given.arguments_of(self.input, self.input_file, self.input_encoding)


def starting(word: str, *words: str) -> list[str]:
    """The words that begin so, for completion."""
    return [each for each in words if each.startswith(word)]
