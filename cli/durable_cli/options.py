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


def stages(word: str) -> list[str]:
    """The stages of an update, for completion."""
    return starting(word, "accepted", "completed")


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


@dataclass(frozen=True, kw_only=True)
class Span:
    """How much of a list is wanted."""

    limit: Annotated[int, typer.Option("--limit", "-l", min=1, max=100_000, help="So many.")] = 1000
    everything: All = False
    page_token: PageToken = None

    @property
    def most(self) -> int | None:
        """How many at most; None when everything is wanted."""
        return None if self.everything else self.limit


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The stage of an update to wait for."""

    wait: Annotated[
        str,
        typer.Option("--wait", "--wait-for", help="accepted or completed.", autocompletion=stages),
    ] = "completed"
    wait_timeout: Annotated[
        int | None, typer.Option("--wait-timeout", min=1, help="Seconds to wait at most.")
    ] = None


def starting(word: str, *words: str) -> list[str]:
    """The words that begin so, for completion."""
    return [each for each in words if each.startswith(word)]
