"""How far long work is, on standard error, for whoever looks at a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from durable_cli.connection import Connection


class Progress:
    """Says nothing; what is used where nobody looks."""

    def at(self, done: int, total: int | None = None, text: str | None = None) -> None:
        """So much is done, of so much."""


class Bar(Progress):
    """A bar, or a spinner where nobody knows how much there is to do."""

    def __init__(self, drawn: Any, task: Any) -> None:
        self._drawn = drawn
        self._task = task

    def at(self, done: int, total: int | None = None, text: str | None = None) -> None:
        """So much is done, of so much."""
        stated = {} if text is None else {"description": text}
        self._drawn.update(self._task, completed=done, total=total, **stated)


@contextmanager
def showing(connection: Connection, text: str) -> Iterator[Progress]:
    """Progress under this text while the block runs; it leaves nothing behind."""
    if not sys.stderr.isatty() or connection.output != "table" or connection.verbose:
        yield Progress()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.progress import Progress as Drawn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    drawn = Drawn(*columns, console=Console(stderr=True), transient=True)
    with drawn:
        yield Bar(drawn, drawn.add_task(text, total=None))
