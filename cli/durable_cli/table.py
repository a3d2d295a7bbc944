"""Tables and descriptions for people: light, aligned, and fitted to the width of the terminal."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.json import JSON
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from durable_cli.cells import NOTHING, cell, inline

Item = dict[str, Any]
_GAP = 2
_INLINE_MAX = 60


@dataclass(frozen=True)
class Column:
    """A column: its title, and the member or function that gives its cells.

    Where the terminal is too narrow, the columns with the highest `drop` are left out first; a
    column with 0 always stays.
    """

    title: str
    value: str | Callable[[Item], Any]
    drop: int = 0
    right: bool = False

    def of(self, item: Item) -> Text | str:
        """The cell of an item."""
        stated = item.get(self.value) if isinstance(self.value, str) else self.value(item)
        return cell(stated)


@dataclass(frozen=True)
class Details:
    """A description: a heading, labelled values, and blocks with titles of their own."""

    heading: str
    status: Any = None
    rows: Sequence[tuple[str, Any]] = ()
    blocks: Sequence[tuple[str, Any]] = field(default=())


def fitting(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """The columns that fit into the room, by position; those with the highest `drop` go first."""
    kept = list(range(len(columns)))
    while sum(widths[each] + _GAP for each in kept) - _GAP > room:
        going = max(kept, key=lambda each: (columns[each].drop, each))
        if columns[going].drop == 0:
            break
        kept.remove(going)
    return kept


def listed(items: Iterable[Item], columns: Sequence[Column], room: int) -> Table:
    """A table of items; columns that hold nothing at all are left out, too."""
    rows = [[column.of(item) for column in columns] for item in items]
    widths = [
        max([cell_len(column.title), *(_width(row[place]) for row in rows)])
        for place, column in enumerate(columns)
    ]
    # What no item says is no column; the first one says what the items are.
    said = [place for place in range(len(columns)) if not place or _says(rows, place)]
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold dim")
    fits = fitting([columns[each] for each in said], [widths[each] for each in said], room)
    kept = [said[each] for each in fits]
    for place in kept:
        column = columns[place]
        table.add_column(column.title, justify="right" if column.right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(row[place] for place in kept))
    return table


def described(details: Details) -> RenderableType:
    """A description; values that say nothing are left out."""
    heading = Text(details.heading, style="bold")
    if details.status is not None:
        heading.append("  ")
        heading.append_text(_text(details.status))
    parts: list[RenderableType] = [heading]
    grid = Table.grid(padding=(0, _GAP))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in details.rows:
        if value is not None and value not in ("", [], {}):
            grid.add_row(label, cell(value))
    if grid.row_count:
        parts.append(Padding(grid, (0, 0, 0, 2)))
    for title, value in details.blocks:
        if value is not None and value not in ("", [], {}):
            parts += ["", Text(title, style="bold"), Padding(block(value), (0, 0, 0, 2))]
    return Group(*parts)


def block(value: Any) -> RenderableType:
    """A value of any shape as a block: JSON on one line where it is short."""
    if isinstance(value, Table | Group | Text):
        return value
    short = inline(value)
    if isinstance(value, str):
        return Text(short)
    if len(short) <= _INLINE_MAX:
        return JSON(short, indent=None)
    return JSON.from_data(value, indent=2, ensure_ascii=False)


def pairs(items: Iterable[tuple[str, Any]]) -> Table:
    """Labelled values as a block."""
    grid = Table.grid(padding=(0, _GAP))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in items:
        grid.add_row(label, cell(value))
    return grid


def console_for(stream: Any, wide: bool) -> Console:
    """A console on a stream; where nobody looks at a terminal, no line is broken."""
    unbroken = wide or not stream.isatty()
    return Console(
        file=stream,
        highlight=False,
        emoji=False,
        markup=False,
        soft_wrap=False,
        width=10_000 if unbroken else None,
    )


def _says(rows: Sequence[Sequence[Text | str]], place: int) -> bool:
    return any(str(row[place]) not in ("", NOTHING) for row in rows)


def _width(value: Text | str) -> int:
    lines = str(value).splitlines() or [""]
    return max(cell_len(line) for line in lines)


def _text(value: Any) -> Text:
    return value if isinstance(value, Text) else Text(str(value))
