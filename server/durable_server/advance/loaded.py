"""The rows at hand for a batch: the state of each of its runs, and which run each id belongs to."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from durable_server.advance.intents import Intent
from durable_server.engine.decision import Decision
from durable_server.engine.run_state import RunState, Workflow

Key = tuple[int, str]
_KEY_POSITION = 1


@dataclass(slots=True)
class Loaded:
    """The states of a batch's runs, and which run each id belongs to."""

    states: dict[Key, RunState] = field(default_factory=dict)
    workflows: dict[tuple[int, str, str], Workflow] = field(default_factory=dict)
    run_of: dict[str, Key] = field(default_factory=dict)

    def key_of(self, intent: Intent) -> Key | None:
        """The key of the run that an intent is about, if it was found."""
        if intent.workflow_key is not None:
            workflow = self.workflows.get((intent.shard, *intent.workflow_key))
            return None if workflow is None else (workflow.shard, workflow.current_run_id)
        if intent.run_key is not None:
            return (intent.shard, intent.run_key)
        for known_by in (intent.task_key, intent.activity_key):
            if known_by is not None and known_by in self.run_of:
                return self.run_of[known_by]
        return None

    def state_of(self, intent: Intent) -> RunState | None:
        """The state that an intent is to be decided on."""
        key = self.key_of(intent)
        state = None if key is None else self.states.get(key)
        if state is not None and intent.namespace not in (None, state.run.namespace):
            return None
        return state

    def add(self, name: str, rows: Iterable[Any]) -> None:
        """Put rows at hand that `RunState` keeps under this name; those of unknown runs are not."""
        for row in rows:
            key = (row.shard, row.run_id)
            if key in self.states:
                getattr(self.states[key], name).setdefault(row[_KEY_POSITION], row)
                self.run_of[row[_KEY_POSITION]] = key

    def place_workflows(self) -> None:
        """Put each holder of a workflow id at hand for the run that is its current one."""
        for workflow in self.workflows.values():
            state = self.states.get((workflow.shard, workflow.current_run_id))
            if state is not None:
                state.workflow = workflow

    def keep(self, decision: Decision) -> Key:
        """Take in what a decision leaves; later ones of the batch see it. Returns its run."""
        run = decision.state.run
        key = (run.shard, run.run_id)
        self.states[key] = decision.state
        for rows in (decision.tasks, decision.activities):
            for name in rows:
                self.run_of[name] = key
        if decision.workflow is not None:
            workflow = decision.workflow
            self.workflows[(workflow.shard, workflow.namespace, workflow.workflow_id)] = workflow
        return key
