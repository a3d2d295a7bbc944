"""Reading what the checkers need, straight from the tables."""

from collections.abc import Callable
from functools import cache
from typing import Any

from durable_server.store import columns
from durable_server.store.columns import Table

from tests.invariants.rows import Everything, Rows

Execute = Callable[[str, tuple[Any, ...]], Any]


@cache
def _select(table: Table, mark: str, order: str) -> str:
    # Quoted, since a column may be called as a word of SQL.
    names = ", ".join(f'"{name}"' for name in table.names)
    where = f"WHERE shard = {mark} AND run_id = {mark}"
    return f"SELECT {names} FROM {table.name} {where} ORDER BY {order}"


def read_run(execute: Execute, shard: int, run_id: str, mark: str = "?") -> Rows:
    """Everything of a run; `execute` runs a statement and gives all its rows."""

    def all_of(table: Table, order: str) -> list[Any]:
        rows = execute(_select(table, mark, order), (shard, run_id))
        return [table.to_value(tuple(row)) for row in rows]

    (run,) = all_of(columns.RUNS, "run_id")
    return Rows(
        run,
        all_of(columns.TASKS, "task_id"),
        all_of(columns.ACTIVITIES, "step"),
        all_of(columns.TIMERS, "step, timer_id"),
        all_of(columns.EVENTS, "sequence"),
        tuple(all_of(columns.CHILDREN, "step")),
        tuple(all_of(columns.SIGNALS, "command_sequence")),
        tuple(all_of(columns.UPDATES, "command_sequence")),
    )


def run_keys(execute: Execute) -> list[tuple[int, str]]:
    """The keys of all runs, in the order in which they were made."""
    rows = execute("SELECT shard, run_id FROM runs ORDER BY run_id", ())
    return [(row[0], row[1]) for row in rows]


def read_everything(execute: Execute, mark: str = "?") -> Everything:
    """Every run, and every holder of a workflow id."""
    runs = {key[1]: read_run(execute, *key, mark) for key in run_keys(execute)}
    names = ", ".join(columns.WORKFLOWS.names)
    found = execute(f"SELECT {names} FROM workflows ORDER BY shard, workflow_id", ())
    return Everything(runs, [columns.WORKFLOWS.to_value(tuple(row)) for row in found])
