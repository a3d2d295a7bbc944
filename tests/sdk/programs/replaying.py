"""Judges recorded histories with the replayer of the release: same history, same commands."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from durable_workflow import serializer, workflow
from durable_workflow.interceptors import PassthroughWorkerInterceptor
from generated import Generated

Event = dict[str, Any]
Command = dict[str, Any]

# What the server records at once for a command that it accepts.
RECORDED = {
    "schedule_activity": "ActivityScheduled",
    "start_timer": "TimerScheduled",
    "start_child_workflow": "ChildWorkflowScheduled",
    "record_side_effect": "SideEffectRecorded",
    "record_version_marker": "VersionMarkerRecorded",
    "upsert_search_attributes": "SearchAttributesUpserted",
    "upsert_memo": "MemoUpserted",
    "open_condition_wait": "ConditionWaitOpened",
    "complete_update": "UpdateCompleted",
    "fail_update": "UpdateCompleted",
    "complete_workflow": "WorkflowCompleted",
    "fail_workflow": "WorkflowFailed",
    "continue_as_new": "WorkflowContinuedAsNew",
}
# Whose values stand in their events.
CARRIED = ("schedule_activity", "record_side_effect", "complete_update", "complete_workflow")
# What of a command stands in its event under the same name.
SAME = ("activity_type", "delay_seconds", "change_id", "version", "condition_key", "update_id")


@dataclass(frozen=True)
class Task:
    """One workflow task: the history that the worker was given, and what it answered."""

    task_id: str
    events: list[Event]
    arguments: Any
    update_id: str | None
    commands: list[Command] | None


@dataclass
class Witness(PassthroughWorkerInterceptor):
    """Keeps the tasks of every run, in the order in which they were carried out.

    A worker that is too slow for its lease is given the task again, and its first answer is
    refused: the last answer is the one that counts.
    """

    tasks: dict[str, list[Task]] = field(default_factory=dict)

    async def execute_workflow_task(self, context: Any, next: Any) -> list[Command] | None:
        commands = await next(context)
        given = context.task
        events, update_id = list(given["history_events"]), given.get("workflow_update_id")
        task = Task(given["task_id"], events, given["arguments"], update_id, commands)
        known = self.tasks.setdefault(given["run_id"], [])
        if known and known[-1].task_id == task.task_id and known[-1].commands is not None:
            known.pop()
        known.append(task)
        return commands


@dataclass(frozen=True)
class Run:
    """A closed run: its names, its whole history as clients read it, and its tasks."""

    workflow_id: str
    run_id: str
    queue: str
    history: list[Event]
    tasks: list[Task]


def verdicts(run: Run) -> Iterator[str]:
    """Everything that the history of a run gets wrong; nothing where it is right."""
    seen = run.tasks[-1].events
    yield from (f"the last task: {wrong}" for wrong in _given(run.tasks[-1], run.history))
    # What clients read has no event ids, and select groups are replayed by those.
    run = replace(run, history=[*seen, *run.history[len(seen) :]])
    for number, task in enumerate(run.tasks):
        where = f"task {number + 1} of {len(run.tasks)}"
        if task.commands is None:
            yield f"{where} was given up; history {types(task.events)}"
            continue
        boundary = len(task.events)
        yield from (f"{where}: {wrong}" for wrong in _given(task, run.history[:boundary]))
        again = replayed(run, run.history[:boundary], task.update_id)
        if again != task.commands:
            yield f"{where}: replayed {again}, recorded {task.commands}"
        after = run.tasks[number + 1].events if number + 1 < len(run.tasks) else run.history
        recorded = _decisions(run.history[boundary : len(after)], task)
        yield from (f"{where}: {wrong}" for wrong in _compared(task.commands, recorded))
    yield from _ending(run)


def replayed(run: Run, events: list[Event], update_id: str | None = None) -> list[Command]:
    """The commands that the release's own replayer draws from a history, as it would send them."""
    codec = serializer.AVRO_CODEC
    arguments = serializer.decode_envelope(run.tasks[0].arguments, codec=codec)
    names = {"workflow_id": run.workflow_id, "run_id": run.run_id, "payload_codec": codec}
    if update_id is not None:
        command = workflow.apply_update(Generated, events, arguments, update_id, **names)
        return [command.to_server_command(run.queue, payload_codec=codec)]
    replayer = workflow.Replayer(workflows=[Generated])
    outcome = replayer.replay(events, arguments, workflow_type="generated", **names)
    return workflow.commands_to_server_commands(outcome.commands, run.queue, payload_codec=codec)


def types(events: list[Event]) -> list[str]:
    """The types of events, in order."""
    return [event["event_type"] for event in events]


def _given(task: Task, recorded: list[Event]) -> Iterator[str]:
    """What the worker was given must be what is recorded, byte for byte in every payload."""
    if len(task.events) > len(recorded):
        yield f"was given {types(task.events)}, recorded is {types(recorded)}"
    for given, kept in zip(task.events, recorded, strict=False):
        if (given["sequence"], given["event_type"]) != (kept["sequence"], kept["event_type"]):
            yield f"was given {given}, recorded is {kept}"
        if _blobs(given["payload"]) != _blobs(kept["payload"]):
            yield f"was given {given}, recorded is {kept}"


def _compared(commands: list[Command], recorded: list[Event]) -> Iterator[str]:
    """Commands and the events that they left, one by one."""
    expected = [RECORDED[command["type"]] for command in commands]
    if expected != types(recorded):
        yield f"commands ask for {expected}, recorded are {types(recorded)}"
        return
    for command, event in zip(commands, recorded, strict=True):
        payload = event["payload"]
        for name in SAME:
            if name in command and command[name] != payload.get(name):
                yield f"{command} left {event}"
        if command["type"] in CARRIED and not _blobs(command) <= _blobs(payload):
            yield f"{command} left {event}"


def _ending(run: Run) -> Iterator[str]:
    """The whole history asks for the end alone, with the result that is recorded.

    But for letters that came while the last task was carried out, which decided without them: they
    are recorded before the end, and no release tells them from those that the task knew of.
    """
    last = run.tasks[-1].commands or []
    seen = len(run.tasks[-1].events)
    known = [event for event in run.history[seen:] if event["event_type"] != "SignalReceived"]
    again = replayed(run, [*run.history[:seen], *known])
    if again != last[-1:]:
        yield f"the closed run replays to {again}, it ended with {last[-1:]}"


def _decisions(events: list[Event], task: Task) -> list[Event]:
    """The events that record the commands of a task, without those that come by themselves."""
    # A timer that bounds a wait comes with the wait; updates that are open end with their run.
    ended = task.update_id is None and "UpdateCompleted"
    return [
        event
        for event in events
        if event["event_type"] in RECORDED.values()
        and event["event_type"] != ended
        and "timer_kind" not in event["payload"]
    ]


def _blobs(payload: dict[str, Any]) -> set[str]:
    """The encoded values of a command or an event, in envelopes or bare."""
    holders = (payload, payload.get("activity") or {})
    named = [holder.get(name) for holder in holders for name in ("arguments", "result", "output")]
    blobs = {value["blob"] if isinstance(value, dict) else value for value in named if value}
    if payload.get("payload_codec") != "json":
        return blobs
    # Clients read the result of a run that uses the older framing as the text inside of it.
    return {serializer.encode(json.loads(blob), codec=serializer.AVRO_CODEC) for blob in blobs}
