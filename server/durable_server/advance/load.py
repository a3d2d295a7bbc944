"""Fetching, for a whole batch, the rows that its decisions need: one statement per kind of row.

Runs are locked first and in key order; everything below a run is read under that lock.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from durable_server.advance.intents import Intent
from durable_server.advance.loaded import Key, Loaded
from durable_server.engine import dialects, steps
from durable_server.engine.decision import Moment
from durable_server.engine.run_state import RunState
from durable_server.engine.steps import Step


def load(tx: Any, intents: Sequence[Intent], moment: Moment) -> Loaded:
    """Everything that deciding these intents takes."""
    loaded = Loaded()
    for workflow in tx.fetch("workflows_by_id", _workflow_keys(intents)):
        key = (workflow.shard, workflow.namespace, workflow.workflow_id)
        loaded.workflows[key] = workflow
    run_keys = [(each.shard, each.run_key) for each in intents if each.run_key is not None]
    run_keys += [(each.shard, each.current_run_id) for each in loaded.workflows.values()]
    task_keys = _keys(intents, "task_key")
    activity_keys = _keys(intents, "activity_key")
    for run in tx.lock_runs(run_keys, task_keys, activity_keys):
        loaded.states[(run.shard, run.run_id)] = RunState(run)
    loaded.place_workflows()
    loaded.add("tasks", tx.fetch("tasks_by_id", task_keys))
    loaded.add("activities", tx.fetch("activities_by_id", activity_keys))
    loaded.add("timers", tx.fetch("timers_by_id", _keys(intents, "timer_key")))
    loaded.add("children", tx.fetch("children_by_id", _keys(intents, "child_key")))
    loaded.add("updates", tx.fetch("updates_by_id", _keys(intents, "update_key")))
    load_counterparts(tx, loaded)
    _load_requests(tx, loaded, intents)
    _load_needs(tx, loaded, intents, moment)
    _load_inboxes(tx, loaded, intents)
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
        loaded.add("activities", tx.fetch("activities_by_id", activities))
    for state in loaded.states.values():
        for activity in state.activities.values():
            if activity.task_id is not None and activity.task_id not in state.tasks:
                tasks.append((activity.shard, activity.task_id))
    if tasks:
        loaded.add("tasks", tx.fetch("tasks_by_id", tasks))


def _load_requests(tx: Any, loaded: Loaded, intents: Sequence[Intent]) -> None:
    """The signals and updates that have the request ids of these intents already."""
    keys = [
        (each.shard, *each.workflow_key, each.request_id)
        for each in intents
        if each.workflow_key is not None and each.request_id is not None
    ]
    if not keys:
        return
    for kind in ("signal", "update"):
        for row in tx.fetch(f"{kind}s_by_request", keys):
            workflow = loaded.workflows.get((row.shard, row.namespace, row.workflow_id))
            if workflow is not None:
                state = loaded.states[(workflow.shard, workflow.current_run_id)]
                state.requests[(kind, row.request_id)] = row


def _load_needs(tx: Any, loaded: Loaded, intents: Sequence[Intent], moment: Moment) -> None:
    keys: tuple[set[Key], ...] = (set(), set(), set(), set())
    for intent in intents:
        state = loaded.state_of(intent)
        if state is None or state.run.closed:
            continue
        needs = intent.needs(state.run, moment)
        lets_in = intent.closes_step or (intent.ends_task and bool(state.run.ready_barriers))
        if lets_in and dialects.blind_to_failures(state.run.sdk_version):
            # A run whose SDK cannot see failures is failed for it, and then ends with open work.
            child = state.run.parent is not None
            needs = needs._replace(open_work=True, workflow=child, details=child)
        for wanted, needed in zip(keys, needs, strict=True):
            if needed:
                wanted.add((state.run.shard, state.run.run_id))
    if keys[0]:
        for name in ("tasks", "activities", "timers", "children", "signals", "updates"):
            loaded.add(name, tx.fetch(f"open_{name}_of_runs", sorted(keys[0])))
    if keys[1]:
        holders = [loaded.states[key].run for key in sorted(keys[1])]
        names = [(run.shard, run.namespace, run.workflow_id) for run in holders]
        for workflow in tx.fetch("workflows_by_id", names):
            loaded.workflows.setdefault(workflow[:3], workflow)
        loaded.place_workflows()
    if keys[2]:
        for details in tx.fetch("details_of_runs", sorted(keys[2])):
            loaded.states[(details.shard, details.run_id)].details = details
    if keys[3]:
        open_tasks = {(key[0], loaded.states[key].run.task_id) for key in keys[3]}
        named = sorted(key for key in open_tasks if key[1] is not None)
        loaded.add("tasks", tx.fetch("tasks_by_id", named))


def _load_inboxes(tx: Any, loaded: Loaded, intents: Sequence[Intent]) -> None:
    """What a run has been told and not used yet, and the timers of its waits."""
    signals: set[Key] = set()
    updates: set[Key] = set()
    timers: set[Key] = set()
    for intent in intents:
        state = loaded.state_of(intent)
        if state is None or state.run.closed or not intent.ends_task:
            continue
        run = state.run
        if run.open_signals:
            signals.add((run.shard, run.run_id))
        if run.open_updates:
            updates.add((run.shard, run.run_id))
        timers.update((run.shard, wait["timer_id"]) for wait in run.waits if wait.get("timer_id"))
    for name, keys in (("signals", signals), ("updates", updates)):
        if keys:
            loaded.add(name, tx.fetch(f"open_{name}_of_runs", sorted(keys)))
    if timers:
        loaded.add("timers", tx.fetch("timers_by_id", sorted(timers)))


def _load_barriers(tx: Any, loaded: Loaded, intents: Sequence[Intent]) -> None:
    """Every step of the barriers that this batch may complete, or lets into history."""
    wanted: set[tuple[int, str, int]] = set()
    closing: defaultdict[tuple[int, str, int], int] = defaultdict(int)
    for intent in intents:
        state = loaded.state_of(intent)
        if state is None:
            continue
        run = state.run
        if intent.ends_task or intent.stops_run:
            wanted.update((run.shard, run.run_id, barrier) for barrier in run.ready_barriers)
        if intent.stops_run:
            held = [int(name) for name, (_, closed) in run.barriers.items() if closed]
            wanted.update((run.shard, run.run_id, barrier) for barrier in held)
        wanted.update((run.shard, run.run_id, barrier) for barrier in intent.barriers)
        barrier = _barrier_of(intent, state)
        if intent.closes_step and barrier is not None:
            closing[(run.shard, run.run_id, barrier)] += 1
    for (shard, run_id, barrier), count in closing.items():
        if steps.completes_barrier(loaded.states[(shard, run_id)].run, barrier, count):
            wanted.add((shard, run_id, barrier))
    if wanted:
        for name in ("activities", "timers", "children"):
            loaded.add(name, tx.fetch(f"{name}_of_barriers", sorted(wanted)))
    if any(intent.barriers for intent in intents):
        load_counterparts(tx, loaded)


def _barrier_of(intent: Intent, state: RunState) -> int | None:
    step: Step | None = None
    if intent.timer_key is not None:
        step = state.timers.get(intent.timer_key)
    elif intent.child_key is not None:
        step = state.children.get(intent.child_key)
    elif intent.activity_key is not None:
        step = state.activities.get(intent.activity_key)
    elif intent.task_key is not None and intent.task_key in state.tasks:
        name = state.tasks[intent.task_key].activity_execution_id
        step = state.activities.get(name) if name is not None else None
    return None if step is None else step.barrier


def _workflow_keys(intents: Sequence[Intent]) -> list[tuple[int, str, str]]:
    return sorted({(each.shard, *each.workflow_key) for each in intents if each.workflow_key})


def _keys(intents: Sequence[Intent], name: str) -> list[Key]:
    found = {(each.shard, getattr(each, name)) for each in intents}
    return sorted(key for key in found if key[1] is not None)
