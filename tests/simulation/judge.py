"""Watches everything that is committed; every checker of the invariants is always on."""

import sqlite3
from typing import Any

from durable_server.engine.decision import Decision
from durable_server.store import columns
from durable_server.store.columns import Table

from tests.invariants import checks
from tests.invariants.reading import read_everything, read_run, run_keys
from tests.invariants.rows import Everything, Rows

Key = tuple[int, str]


class Judge:
    """What the database held after each transaction, and what was acknowledged."""

    def __init__(self, path: str) -> None:
        self.transactions = 0
        self.broken: Exception | None = None
        self.accepted: dict[tuple[str, int], Any] = {}
        self._started: dict[str, str] = {}
        self._signalled: set[tuple[str, str]] = set()
        self._updated: dict[tuple[str, str], str] = {}
        self._positions: dict[tuple[str, int], str] = {}
        self._known: dict[Key, Rows] = {}
        self._connection = sqlite3.connect(path, isolation_level=None)

    def committed(self, decisions: list[Decision]) -> None:
        """A transaction is stored: look at the runs that it concerns.

        What is found is kept: a lane that is called back would take it for an error of its own.
        """
        self.transactions += 1
        states = (decision.state.run for decision in decisions)
        try:
            for key in dict.fromkeys((run.shard, run.run_id) for run in states):
                self._look(key)
        except Exception as broken:
            self.found(broken)

    def found(self, broken: Exception) -> None:
        """Something is wrong; the first finding counts."""
        self.broken = self.broken or broken

    def verdict(self) -> None:
        """Raise what was found."""
        if self.broken is not None:
            raise self.broken

    def look_everywhere(self) -> None:
        """Look at every run: a process may have died before it could tell."""
        for key in run_keys(self.execute):
            self._look(key)

    def completion_accepted(self, task_id: str, attempt: int, commands: Any) -> None:
        """I17: two different completions of one attempt are never both applied."""
        known = self.accepted.setdefault((task_id, attempt), commands)
        assert known == commands, f"I17: two completions of {task_id} attempt {attempt}"
        task = self._row(columns.TASKS, "task_id", task_id)
        assert task.attempt == attempt, f"I17: attempt {attempt} of {task} completed it"

    def outcome_recorded(self, attempt_id: str, status: str) -> None:
        """I17: an outcome that is answered as recorded was that of the attempt that counted."""
        name, _, attempt = attempt_id.rpartition(".")
        activity = self._row(columns.ACTIVITIES, "activity_execution_id", name)
        if status == "completed":
            assert (activity.status, activity.attempt) == (status, int(attempt)), activity

    def started_new(self, workflow_id: str, run_id: str) -> None:
        """I47: of all starts of an id, one is answered with a new run."""
        known = self._started.setdefault(workflow_id, run_id)
        assert known == run_id, f"I47: {workflow_id} was started twice"

    def signal_accepted(self, workflow_id: str, request_id: str) -> None:
        """A client was told that its signal is accepted."""
        self._signalled.add((workflow_id, request_id))

    def message_appended(self, place: tuple[str, int], message_id: str) -> None:
        """A place in a run's stream is given to one message."""
        known = self._positions.setdefault(place, message_id)
        assert known == message_id, f"two messages at {place}"

    def update_accepted(self, workflow_id: str, request_id: str, update_id: str) -> None:
        """I38: a request id is answered with one update, however often it is sent."""
        known = self._updated.setdefault((workflow_id, request_id), update_id)
        assert known == update_id, f"I38: two updates for {request_id}"

    def after_passes(self, now: int) -> None:
        """Everything that was due is done."""
        for rows in self._known.values():
            checks.check_after_passes(rows, now)

    def end(self) -> Everything:
        """Check all runs together, and that nothing that was acknowledged is missing."""
        everything = read_everything(self.execute)
        for key, rows in self._known.items():
            assert everything.runs[key[1]] == rows, "I60: changed without a decision"
        checks.check_everything(everything)
        self._check_acknowledged(everything)
        return everything

    def _check_acknowledged(self, everything: Everything) -> None:
        """I55: what was acknowledged is there, whatever was killed afterwards."""
        for workflow_id, run_id in self._started.items():
            assert everything.runs[run_id].run.workflow_id == workflow_id, "I55"
        signals, updates = set(), {}
        for rows in everything.runs.values():
            workflow_id = rows.run.workflow_id
            signals |= {(workflow_id, each.request_id) for each in rows.signals}
            updates |= {(workflow_id, each.request_id): each.update_id for each in rows.updates}
        assert self._signalled <= signals, f"I33, I55: {self._signalled - signals} are lost"
        missing = self._updated.items() - updates.items()
        assert not missing, f"I37, I55: {missing} are lost"

    def rows_of(self, run_id: str) -> Rows:
        """A run as it was last seen."""
        return next(rows for key, rows in self._known.items() if key[1] == run_id)

    def current(self, workflow_id: str) -> Rows:
        """The last run of a workflow, as it was last seen."""
        runs = [rows for rows in self._known.values() if rows.run.workflow_id == workflow_id]
        return max(runs, key=lambda rows: rows.run.run_number)

    def open_runs(self) -> list[str]:
        """The runs that have not ended, as they were last seen."""
        return [rows.run.run_id for rows in self._known.values() if not rows.run.closed]

    def all_closed(self) -> bool:
        """Whether every run has ended and no message is on its way."""
        if self.open_runs():
            return False
        return not self.execute("SELECT 1 FROM messages LIMIT 1", ())

    def close(self) -> None:
        """Look no more."""
        self._connection.close()

    def _look(self, key: Key) -> None:
        rows = read_run(self.execute, *key)
        before = self._known.get(key)
        self._known[key] = rows
        checks.check_run(rows)
        if before is not None:
            checks.check_change(before, rows)

    def _row(self, table: Table, key: str, value: str) -> Any:
        """The row of a table by its id."""
        names = ", ".join(f'"{name}"' for name in table.names)
        found = self.execute(f"SELECT {names} FROM {table.name} WHERE {key} = ?", (value,))
        return table.to_value(found[0])

    def execute(self, sql: str, parameters: tuple[Any, ...]) -> list[Any]:
        """Run a reading statement and give all its rows."""
        return self._connection.execute(sql, parameters).fetchall()
