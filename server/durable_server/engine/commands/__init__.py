"""The commands a worker sends when it completes a workflow task: parsing, then applying.

One module per command, named as on the wire. Parsing turns raw JSON into values and collects every
problem by field; applying writes events and rows into a draft. A batch is applied all or nothing.
"""

from typing import Any, NamedTuple

from durable_server.engine import bounds, inbox, message_streams
from durable_server.engine.commands import (
    barriers,
    cancel_selection_operation,
    complete_update,
    complete_workflow,
    continue_as_new,
    fail_update,
    fail_workflow,
    open_condition_wait,
    open_signal_wait,
    record_local_activity,
    record_side_effect,
    record_version_marker,
    schedule_activity,
    start_child_workflow,
    start_timer,
    upsert_memo,
    upsert_search_attributes,
)
from durable_server.engine.commands.fields import Fields
from durable_server.engine.commands.groups import in_select_group, misplaced, step_of
from durable_server.engine.decision import Draft
from durable_server.engine.run_state import Payload
from durable_server.refusal import Refusal, invalid

Command = Any

TERMINAL = frozenset({"complete_workflow", "fail_workflow", "continue_as_new"})
BLOCKING = frozenset({"schedule_activity", "start_timer", "start_child_workflow"})
MODULES: dict[str, Any] = {
    "complete_workflow": complete_workflow,
    "fail_workflow": fail_workflow,
    "continue_as_new": continue_as_new,
    "schedule_activity": schedule_activity,
    "start_timer": start_timer,
    "start_child_workflow": start_child_workflow,
    "complete_update": complete_update,
    "fail_update": fail_update,
    "open_condition_wait": open_condition_wait,
    "open_signal_wait": open_signal_wait,
    "record_side_effect": record_side_effect,
    "record_version_marker": record_version_marker,
    "record_local_activity": record_local_activity,
    "upsert_search_attributes": upsert_search_attributes,
    "upsert_memo": upsert_memo,
    "cancel_selection_operation": cancel_selection_operation,
}
_NO_MEMBER = "Only activities, timers and child workflows can be members of a select group."
# Commands that change or hand on what the run carries, which must then be at hand.
OF_DETAILS = frozenset(
    {"upsert_search_attributes", "upsert_memo", "start_child_workflow", "continue_as_new"}
)


class Completion(NamedTuple):
    """A worker's completion of a workflow task: (type, parsed command) pairs in the sent order.

    `cursors`: how far its code has read message streams, by name.
    """

    task_id: str
    lease_owner: str
    attempt: int
    commands: list[tuple[str, Command]]
    digest: str
    cursors: tuple[tuple[str, int], ...] = ()

    def refused(self) -> dict[str, Any]:
        """What the refusal of a whole batch tells its worker, beside the reason."""
        return {
            "task_id": self.task_id,
            "workflow_task_attempt": self.attempt,
            "outcome": "rejected",
        }


class TaskFailure(NamedTuple):
    """A worker's report that it could not carry out a workflow task."""

    task_id: str
    lease_owner: str
    attempt: int
    message: str
    failure_type: str | None
    digest: str


def parse(raw_commands: list[dict[str, Any]]) -> list[tuple[str, Command]]:
    """Turn raw commands into values, or refuse with every offending field of every command."""
    errors: dict[str, list[str]] = {}
    parsed: list[tuple[str, Command]] = []
    for index, raw in enumerate(raw_commands):
        kind = raw.get("type")
        fields = Fields(raw, f"commands.{index}", errors)
        if not isinstance(kind, str) or kind not in MODULES:
            fields.problem("type", unsupported(kind))
            continue
        fields.check_scope(kind)
        if kind not in BLOCKING and in_select_group(fields):
            fields.problem("parallel_group_path", _NO_MEMBER)
        parsed.append((kind, MODULES[kind].parse(fields)))
    if errors:
        raise invalid(errors)
    return parsed


def members_given_up(completion: Completion) -> tuple[int, ...]:
    """The members of select groups that a completion cancels, each by its first step."""
    return tuple(
        command.member_base_sequence
        for kind, command in completion.commands
        if kind == "cancel_selection_operation"
    )


def unsupported(kind: Any) -> str:
    """The text for a command type that nobody here carries out."""
    if not isinstance(kind, str) or not kind:
        return "Each command must declare a supported type."
    return f"Workflow task command type [{kind}] is not supported by the server yet."


def apply(draft: Draft, completion: Completion) -> list[str]:
    """Apply a batch to the run; returns the ids of the tasks it created, in command order."""
    _check_batch(draft, completion)
    inbox.begin(draft, draft.task(completion.task_id), completion.commands)
    message_streams.read(draft, completion.cursors)
    commands = barriers.without_repeats(draft.run, completion.commands, BLOCKING)
    opening = barriers.Opening(draft.run, commands, BLOCKING)
    created: list[str] = []
    for index, (kind, command) in enumerate(commands):
        barrier = 0
        if kind in BLOCKING:
            place(draft, command.group, completion, index)
            barrier = opening.barrier_of(command)
        batch = Batch(index, completion, barrier)
        task_id = MODULES[kind].apply(draft, command, batch)
        if task_id is not None:
            created.append(task_id)
    return created


class Batch(NamedTuple):
    """Where a command stands: its position, its completion, and the barrier that it joins."""

    position: int
    completion: Completion
    barrier: int

    def refuse(self, text: str) -> Refusal:
        """The refusal of the whole batch because of this command."""
        return invalid_commands(self.completion, self.position, text)


def invalid_commands(completion: Completion, index: int, text: str) -> Refusal:
    """Nothing of the batch is applied; the task stays leased."""
    return Refusal(
        "invalid_commands",
        task_id=completion.task_id,
        workflow_task_attempt=completion.attempt,
        outcome="completed",
        recorded=False,
        run_id=None,
        run_status=None,
        created_task_ids=[],
        errors={f"commands.{index}": [text]},
    )


def place(draft: Draft, group: dict[str, Any] | None, completion: Completion, index: int) -> None:
    """Move to the step number that a group member declares; gaps are legal, going back is not."""
    if group is None:
        return
    declared = step_of(group)
    if declared < draft.run.next_step:
        text = f"Step {declared} of the parallel group is already taken."
        raise invalid_commands(completion, index, text)
    draft.run.next_step = declared


def _check_batch(draft: Draft, completion: Completion) -> None:
    commands, run = completion.commands, draft.run
    kinds = [kind for kind, _ in commands]
    for index, kind in enumerate(kinds[:-1]):
        if kind in TERMINAL:
            text = f"No command may follow {kind}, which ends the run."
            raise invalid_commands(completion, index + 1, text)
    wrong = misplaced([getattr(command, "group", None) for _, command in commands])
    if wrong is not None:
        raise invalid_commands(completion, *wrong)
    facts = completion.refused()
    bounds.keep(draft, "command_batch_size", 0, len(commands), **facts)
    for kind, limit_kind, pending in (
        ("schedule_activity", "pending_activity_count", run.open_activities),
        ("start_timer", "pending_timer_count", run.open_timers),
        ("start_child_workflow", "pending_child_count", run.open_children),
    ):
        added = kinds.count(kind)
        if added:
            bounds.keep(draft, limit_kind, pending, pending + added, **facts)
    for _, command in commands:
        for payload in command:
            if isinstance(payload, Payload):
                bounds.keep(draft, "payload_size", 0, len(payload.blob), **facts)
