"""Everything that is stored of a run, as the checkers read it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import orjson
from durable_server.engine.run_state import (
    Activity,
    Child,
    Event,
    Run,
    Signal,
    Task,
    Timer,
    Update,
    Workflow,
)


class Entry(NamedTuple):
    """An event with its payload taken apart."""

    event: Event
    payload: dict[str, Any]

    @property
    def type(self) -> str:
        """The type of the event."""
        return self.event.event_type


@dataclass(frozen=True)
class Rows:
    """All rows of one run; events in order."""

    run: Run
    tasks: list[Task]
    activities: list[Activity]
    timers: list[Timer]
    events: list[Event]
    children: tuple[Child, ...] = ()
    signals: tuple[Signal, ...] = ()
    updates: tuple[Update, ...] = ()

    @cached_property
    def entries(self) -> list[Entry]:
        """The history with its payloads."""
        return [Entry(event, orjson.loads(event.payload)) for event in self.events]

    @cached_property
    def types(self) -> list[str]:
        """The types of the history's events."""
        return [event.event_type for event in self.events]

    def of(self, *types: str) -> list[Entry]:
        """The entries of these types."""
        return [entry for entry in self.entries if entry.event.event_type in types]

    def entries_of(self, field: str, value: Any) -> list[Entry]:
        """The entries whose payload names this value."""
        return [entry for entry in self.entries if entry.payload.get(field) == value]

    @cached_property
    def open_tasks(self) -> list[Task]:
        """Tasks that are ready or leased."""
        return [task for task in self.tasks if task.status in ("ready", "leased")]

    @cached_property
    def open_workflow_task(self) -> Task | None:
        """The open workflow task; I14 says that there is no second one."""
        return next((task for task in self.open_tasks if task.kind == "workflow"), None)


@dataclass(frozen=True)
class Everything:
    """All runs of a database, and who holds their workflow ids."""

    runs: dict[str, Rows]
    workflows: list[Workflow]

    def runs_of(self, workflow: Workflow) -> list[Rows]:
        """The runs of a workflow id, the first one first."""
        name = (workflow.namespace, workflow.workflow_id)
        found = [
            rows
            for rows in self.runs.values()
            if (rows.run.namespace, rows.run.workflow_id) == name
        ]
        return sorted(found, key=lambda rows: rows.run.run_number)
