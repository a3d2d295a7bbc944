"""The columns of every run-owned table, and how the engine's values become rows and back."""

import types
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple, get_type_hints

import orjson

from durable_server.engine.query_task import QueryTask
from durable_server.engine.run_state import (
    Activity,
    Child,
    Event,
    Message,
    Payload,
    Run,
    RunDetails,
    Signal,
    Task,
    Timer,
    Update,
    Workflow,
)

STEPS = (
    *("barriers", "ready_barriers", "version_markers", "waits"),
    *("digests", "selections", "streams"),
)
_RUN_PLAIN = tuple(each.name for each in fields(Run) if each.name not in STEPS)
_LEASED, _WAKE = _RUN_PLAIN.index("task_leased"), _RUN_PLAIN.index("wake_requested")
_plain_values = attrgetter(*_RUN_PLAIN)
_steps = attrgetter(*STEPS)
_TYPES = {int: "bigint", str: "text", bool: "boolean"}


class Column(NamedTuple):
    """A column and its type: bigint, text or boolean."""

    name: str
    type: str


@dataclass(frozen=True)
class Table:
    """A table that mirrors one kind of engine value."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    fixed: frozenset[str]
    to_row: Callable[[Any], tuple[Any, ...]]
    to_value: Callable[[tuple[Any, ...]], Any]

    @property
    def names(self) -> list[str]:
        """Column names in row order."""
        return [column.name for column in self.columns]

    @cached_property
    def kept(self) -> tuple[Column, ...]:
        """What an update needs: the key, and the columns that may change."""
        return tuple(
            each for each in self.columns if each.name in self.key or each.name not in self.fixed
        )

    @cached_property
    def pick_kept(self) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
        """Takes from a row what an update needs."""
        return itemgetter(*(self.columns.index(each) for each in self.kept))


def run_to_row(run: Run) -> tuple[Any, ...]:
    """The row of a run; barriers, markers and waits share a column, null while there are none."""
    plain = _plain_values(run)
    steps = _steps(run)
    return (*plain, orjson.dumps(steps).decode() if any(steps) else None)


def run_of_row(row: tuple[Any, ...]) -> Run:
    """The run of a row."""
    values = list(row[:-1])
    values[_LEASED], values[_WAKE] = bool(values[_LEASED]), bool(values[_WAKE])
    if row[-1] is not None:
        values += orjson.loads(row[-1])
    return Run(*values)


def details_to_row(details: RunDetails) -> tuple[Any, ...]:
    """The row of a run's details."""
    shard, run_id, given, output, memo, attributes = details
    return (shard, run_id, *given, *(output or (None, None)), memo, attributes)


def details_of_row(row: tuple[Any, ...]) -> RunDetails:
    """The details of a row."""
    output = None if row[4] is None else Payload(row[4], row[5])
    return RunDetails(row[0], row[1], Payload(row[2], row[3]), output, row[6], row[7])


def _columns(kind: type, names: tuple[str, ...]) -> tuple[Column, ...]:
    hints = get_type_hints(kind)
    return tuple(Column(name, _TYPES[_plain(hints[name])]) for name in names)


def _plain(hint: Any) -> Any:
    if isinstance(hint, types.UnionType):
        return next(each for each in hint.__args__ if each is not types.NoneType)
    return hint


def _mirror(name: str, kind: Any, key: tuple[str, ...], fixed: str = "") -> Table:
    columns = _columns(kind, kind._fields)
    return Table(name, columns, key, frozenset(fixed.split()) | set(key), tuple, kind._make)


_texts = ("input_codec", "input_blob", "output_codec", "output_blob", "memo", "search_attributes")

WORKFLOWS = _mirror("workflows", Workflow, ("shard", "namespace", "workflow_id"), "created_at")
RUNS = Table(
    "runs",
    (*_columns(Run, _RUN_PLAIN), Column("steps", "text")),
    ("shard", "run_id"),
    frozenset(
        [
            "shard",
            "run_id",
            "namespace",
            "workflow_id",
            "run_number",
            "workflow_type",
            "task_queue",
            "build_id",
            "business_key",
            "execution_timeout_seconds",
            "run_timeout_seconds",
            "started_at",
            "parent",
            "pruned_at",
            "trace",
        ]
    ),
    run_to_row,
    run_of_row,
)
RUN_DETAILS = Table(
    "run_details",
    (
        Column("shard", "bigint"),
        Column("run_id", "text"),
        *(Column(name, "text") for name in _texts),
    ),
    ("shard", "run_id"),
    frozenset({"shard", "run_id", "input_codec", "input_blob"}),
    details_to_row,
    details_of_row,
)
TASKS = _mirror(
    "tasks",
    Task,
    ("shard", "task_id"),
    "run_id namespace workflow_id task_queue kind type_name build_id activity_execution_id"
    " created_at",
)
ACTIVITIES = _mirror(
    "activities",
    Activity,
    ("shard", "activity_execution_id"),
    "run_id step barrier activity_type options group payload_codec scheduled_sequence created_at",
)
TIMERS = _mirror(
    "timers", Timer, ("shard", "timer_id"), "run_id step barrier kind delay_seconds group wait"
)
CHILDREN = _mirror(
    "children",
    Child,
    ("shard", "child_call_id"),
    "run_id step barrier workflow_type task_queue child_shard child_workflow_id"
    " parent_close_policy options group created_at",
)
SIGNALS = _mirror(
    "signals",
    Signal,
    ("shard", "signal_id"),
    "namespace workflow_id command_id name codec arguments request_id command received_at trace",
)
UPDATES = _mirror(
    "updates",
    Update,
    ("shard", "update_id"),
    "namespace workflow_id command_id name codec arguments scope trace",
)
EVENTS = _mirror("events", Event, ("shard", "run_id", "sequence"))
MESSAGES = _mirror("messages", Message, ("shard", "message_id"))
# What no engine value mirrors: (name, type) in row order.
RUN_ATTRIBUTES = (
    *(("shard", "bigint"), ("run_id", "text"), ("name", "text"), ("position", "bigint")),
    *(("namespace", "text"), ("text", "text"), ("whole", "bigint")),
    *(("number", "double precision"), ("instant", "bigint"), ("started_at", "bigint")),
)
QUERY_TASKS = _mirror(
    "query_tasks",
    QueryTask,
    ("shard", "query_task_id"),
    "namespace task_queue workflow_id run_id type_name build_id query_name codec created_at"
    " deadline_at trace",
)
TABLES = (
    WORKFLOWS,
    RUNS,
    RUN_DETAILS,
    TASKS,
    ACTIVITIES,
    TIMERS,
    CHILDREN,
    SIGNALS,
    UPDATES,
    EVENTS,
    MESSAGES,
    QUERY_TASKS,
)
