"""Fetching, for a whole batch, the rows that its decisions need: one statement per kind of row.

Runs are locked first and in key order; everything below a run is read under that lock.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from durable_server.advance.intents import Intent, StartRun
from durable_server.engine import dialects, steps
from durable_server.engine.run_state import Activity, RunState, Task, Timer, Workflow

Key = tuple[int, str]


@dataclass(slots=True)
class Loaded:
    """The states of a batch's runs, and which run each id belongs to."""

    states: dict[Key, RunState] = field(default_factory=dict)
    workflows: dict[tuple[int, str, str], Workflow] = field(default_factory=dict)
    run_of: dict[str, Key] = field(default_factory=dict)

    def key_of(self, intent: Intent) -> Key | None:
        """The key of the run that an intent is about, if it was found."""
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

    def add_tasks(self, tasks: Iterable[Task]) -> None:
        """Put tasks at hand; those of runs that were not found are left out."""
        for task in tasks:
            key = (task.shard, task.run_id)
            if key in self.states:
                self.states[key].tasks.setdefault(task.task_id, task)
                self.run_of[task.task_id] = key

    def add_activities(self, activities: Iterable[Activity]) -> None:
        """Put activities at hand."""
        for activity in activities:
            key = (activity.shard, activity.run_id)
            if key in self.states:
                self.states[key].activities.setdefault(activity.activity_execution_id, activity)
                self.run_of[activity.activity_execution_id] = key

    def add_timers(self, timers: Iterable[Timer]) -> None:
        """Put timers at hand."""
        for timer in timers:
            key = (timer.shard, timer.run_id)
            if key in self.states:
                self.states[key].timers.setdefault(timer.timer_id, timer)


def load(tx: Any, intents: Sequence[Intent]) -> Loaded:
    """Everything that deciding these intents takes."""
    loaded = Loaded()
    starts = [each.wanted for each in intents if isinstance(each, StartRun)]
    start_keys = [(each.shard, each.namespace, each.workflow_id) for each in starts]
    for workflow in tx.fetch("workflows_by_id", start_keys):
        key = (workflow.shard, workflow.namespace, workflow.workflow_id)
        loaded.workflows[key] = workflow
    run_keys = [(each.shard, each.run_key) for each in intents if each.run_key is not None]
    run_keys += [(each.shard, each.current_run_id) for each in loaded.workflows.values()]
    task_keys = _keys(intents, "task_key")
    activity_keys = _keys(intents, "activity_key")
    for run in tx.lock_runs(run_keys, task_keys, activity_keys):
        loaded.states[(run.shard, run.run_id)] = RunState(run)
    loaded.add_tasks(tx.fetch("tasks_by_id", task_keys))
    loaded.add_activities(tx.fetch("activities_by_id", activity_keys))
    loaded.add_timers(tx.fetch("timers_by_id", _keys(intents, "timer_key")))
    load_counterparts(tx, loaded)
    _load_open_work(tx, loaded, intents)
    _load_barriers(tx, loaded, intents)
    return loaded


def load_counterparts(tx: Any, loaded: Loaded) -> None:
    """The activities of the activity tasks at hand, and the tasks of the activities at hand."""
    activities, tasks = [], []
    for state in loaded.states.values():
        for task in state.tasks.values():
            name = task.activity_execution_id
            if name is not None and name not in state.activities:
                activities.append((task.shard, name))
    if activities:
        loaded.add_activities(tx.fetch("activities_by_id", activities))
    for state in loaded.states.values():
        for activity in state.activities.values():
            if activity.task_id is not None and activity.task_id not in state.tasks:
                tasks.append((activity.shard, activity.task_id))
    if tasks:
        loaded.add_tasks(tx.fetch("tasks_by_id", tasks))


def _load_open_work(tx: Any, loaded: Loaded, intents: Sequence[Intent]) -> None:
    keys: set[Key] = set()
    for intent in intents:
        state = loaded.state_of(intent)
        if state is None or state.run.closed:
            continue
        # A run whose SDK cannot see failures is failed for it, and then ends with open work.
        blind = intent.closes_step and dialects.blind_to_failures(state.run.sdk_version)
        if blind or intent.needs_open_work(state.run, tx.now):
            keys.add((state.run.shard, state.run.run_id))
    if keys:
        ordered = sorted(keys)
        loaded.add_tasks(tx.fetch("open_tasks_of_runs", ordered))
        loaded.add_activities(tx.fetch("open_activities_of_runs", ordered))
        loaded.add_timers(tx.fetch("open_timers_of_runs", ordered))


def _load_barriers(tx: Any, loaded: Loaded, intents: Sequence[Intent]) -> None:
    """Every step of the barriers that this batch may complete, or lets into history."""
    wanted: set[tuple[int, str, int]] = set()
    closing: defaultdict[tuple[int, str, int], int] = defaultdict(int)
    for intent in intents:
        state = loaded.state_of(intent)
        if state is None:
            continue
        run = state.run
        if intent.ends_task:
            wanted.update((run.shard, run.run_id, barrier) for barrier in run.ready_barriers)
        barrier = _barrier_of(intent, state)
        if intent.closes_step and barrier is not None:
            closing[(run.shard, run.run_id, barrier)] += 1
    for (shard, run_id, barrier), count in closing.items():
        if steps.completes_barrier(loaded.states[(shard, run_id)].run, barrier, count):
            wanted.add((shard, run_id, barrier))
    if wanted:
        ordered = sorted(wanted)
        loaded.add_activities(tx.fetch("activities_of_barriers", ordered))
        loaded.add_timers(tx.fetch("timers_of_barriers", ordered))


def _barrier_of(intent: Intent, state: RunState) -> int | None:
    step: Activity | Timer | None = None
    if intent.timer_key is not None:
        step = state.timers.get(intent.timer_key)
    elif intent.activity_key is not None:
        step = state.activities.get(intent.activity_key)
    elif intent.task_key is not None and intent.task_key in state.tasks:
        name = state.tasks[intent.task_key].activity_execution_id
        step = state.activities.get(name) if name is not None else None
    return None if step is None else step.barrier


def _keys(intents: Sequence[Intent], name: str) -> list[Key]:
    found = {(each.shard, getattr(each, name)) for each in intents}
    return sorted(key for key in found if key[1] is not None)
