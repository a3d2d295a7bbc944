"""Runs the checkers; a failure names its invariant."""

import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

from tests.invariants import activities, children, history, messages, runs, steps, tasks, waits
from tests.invariants.rows import Everything, Rows

MODULES = (history, steps, tasks, activities, waits, messages, children, runs)
_NAME = re.compile(r"i\d\d_")


def checkers() -> list[tuple[str, Callable[..., None]]]:
    """Every checker with its full name."""
    return [
        (f"{module.__name__}.{name}", value)
        for module in MODULES
        for name, value in vars(module).items()
        if _NAME.match(name) and _own(module, value)
    ]


def _own(module: ModuleType, value: Any) -> bool:
    return getattr(value, "__module__", None) == module.__name__


def _taking(*names: str) -> list[Callable[..., None]]:
    found = []
    for _, checker in checkers():
        taken = checker.__code__.co_varnames[: checker.__code__.co_argcount]
        if taken == names:
            found.append(checker)
    return found


_OF_RUN = _taking("rows")
_OF_CHANGE = _taking("before", "after")
_AFTER_PASSES = _taking("rows", "now")
_OF_EVERYTHING = _taking("everything")


def check_run(rows: Rows) -> None:
    """What must hold of a run after every transaction."""
    _check(_OF_RUN, rows.run.run_id, rows)


def check_change(before: Rows, after: Rows) -> None:
    """What must hold between one state of a run and the next."""
    _check(_OF_CHANGE, after.run.run_id, before, after)


def check_after_passes(rows: Rows, now: int) -> None:
    """What must hold once every pass has done what was due."""
    _check(_AFTER_PASSES, rows.run.run_id, rows, now)


def check_everything(everything: Everything) -> None:
    """What must hold of all runs together, once no message is on its way."""
    _check(_OF_EVERYTHING, "all runs", everything)


def _check(found: list[Callable[..., None]], what: str, *values: Any) -> None:
    for checker in found:
        try:
            checker(*values)
        except Exception as broken:
            raise AssertionError(f"{checker.__name__} is broken by {what}: {broken!r}") from broken
