"""Figures within figures, indented under their names; groups that say nothing are left out."""

from collections.abc import Iterator
from typing import Any

from rich.text import Text

from durable_cli.cells import cell

_INDENT = "  "
# How figures are labelled elsewhere is for programs.
_FOR_PROGRAMS = ("cardinality", "label_cardinality_policy")


def outline(figures: dict[str, Any]) -> Text:
    """The figures, a line each; those of one group stand under its name."""
    return Text("\n").join(_lines(figures, ""))


def _lines(figures: dict[str, Any], margin: str) -> Iterator[Text]:
    told = {name: each for name, each in figures.items() if _says(name, each)}
    widest = max(
        (len(name) for name, each in told.items() if not isinstance(each, dict)), default=0
    )
    for name, each in told.items():
        label = name.replace("_", " ")
        if isinstance(each, dict):
            yield Text(f"{margin}{label}", style="bold")
            yield from _lines(each, margin + _INDENT)
        else:
            yield Text.assemble((f"{margin}{label:<{widest}}{_INDENT}", "dim"), cell(each))


def _says(name: str, value: Any) -> bool:
    if name in _FOR_PROGRAMS or value is None or value in ("", [], {}):
        return False
    # A group of nothing but noughts is passed over.
    return not isinstance(value, dict) or any(
        each and _says(inner, each) for inner, each in value.items()
    )
