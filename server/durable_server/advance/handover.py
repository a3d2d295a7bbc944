"""Completing what the holder of a task is given: history, input, arguments."""

from typing import Any

import orjson

from durable_server.advance.batch import Answer, Batch, Handed
from durable_server.advance.loaded import Key
from durable_server.engine.run_state import Activity, Event, Payload, RunDetails, Task
from durable_server.engine.update import JUDGED
from durable_server.matching.channels import LeasedTask


def answers_of(tx: Any, batch: Batch) -> list[Answer]:
    """The answers to the polls that got a task; read in the transaction that leased it."""
    if not batch.handed:
        return []
    workflows = [each for each in batch.handed if batch.task_of(each).kind == "workflow"]
    activities = [each for each in batch.handed if batch.task_of(each).kind == "activity"]
    others = [
        # What a judgement needs, its handler reads: the whole history, and it is seldom asked for.
        (each.poll.pending, LeasedTask(batch.task_of(each), each.run, None, []), None)
        for each in batch.handed
        if batch.task_of(each).kind == JUDGED
    ]
    return [
        *_workflow_tasks(tx, batch, workflows),
        *_activity_tasks(tx, batch, activities),
        *others,
    ]


def _workflow_tasks(tx: Any, batch: Batch, handed: list[Handed]) -> list[Answer]:
    histories = _histories(tx, batch, handed)
    details = _details(tx, batch, handed)
    answers: list[Answer] = []
    for each in handed:
        key = (each.run.shard, each.run.run_id)
        page = histories[key][: each.poll.history_page_size]
        task = batch.task_of(each)
        leased = LeasedTask(task, each.run, details[key].input, page)
        answers.append((each.poll.pending, leased, None))
    return answers


def _histories(tx: Any, batch: Batch, handed: list[Handed]) -> dict[Key, list[Event]]:
    """The first page of each history, up to what the lease covers."""
    histories: dict[Key, list[Event]] = {}
    wanted: list[tuple[int, str, int, int]] = []
    for each in handed:
        key = (each.run.shard, each.run.run_id)
        upto = min(batch.task_of(each).history_sequence, each.poll.history_page_size)
        added = batch.events_of(key)
        if added and added[0].sequence == 1:
            histories[key] = added[:upto]
        else:
            histories[key] = []
            wanted.append((*key, 0, upto))
    if wanted:
        for event in tx.fetch("events_of_runs", wanted):
            histories[(event.shard, event.run_id)].append(event)
    return histories


def _details(tx: Any, batch: Batch, handed: list[Handed]) -> dict[Key, RunDetails]:
    details = {
        (each.details.shard, each.details.run_id): each.details
        for each in batch.decisions
        if each.details is not None
    }
    keys = {(each.run.shard, each.run.run_id) for each in handed}
    missing = sorted(keys - details.keys())
    for found in tx.fetch("details_of_runs", missing) if missing else ():
        details[(found.shard, found.run_id)] = found
    return details


def _activity_tasks(tx: Any, batch: Batch, handed: list[Handed]) -> list[Answer]:
    scheduled: dict[tuple[int, str, int], Event] = {}
    wanted: list[tuple[int, str, int]] = []
    rows: list[tuple[Handed, Task, Activity]] = []
    for each in handed:
        task = batch.task_of(each)
        key = (each.run.shard, each.run.run_id)
        activity = batch.loaded.states[key].activities[task.activity_execution_id or ""]
        rows.append((each, task, activity))
        place = (*key, activity.scheduled_sequence)
        added = next((e for e in batch.events_of(key) if e.sequence == place[2]), None)
        if added is None:
            wanted.append(place)
        else:
            scheduled[place] = added
    for event in tx.fetch("events_at", wanted) if wanted else ():
        scheduled[(event.shard, event.run_id, event.sequence)] = event
    answers: list[Answer] = []
    for each, task, activity in rows:
        place = (each.run.shard, each.run.run_id, activity.scheduled_sequence)
        arguments = _arguments(scheduled[place], activity)
        leased = LeasedTask(task, each.run, arguments, [], activity)
        answers.append((each.poll.pending, leased, None))
    return answers


def _arguments(scheduled: Event, activity: Activity) -> Payload | None:
    blob = orjson.loads(scheduled.payload)["activity"].get("arguments")
    return None if blob is None else Payload(activity.payload_codec, blob)
