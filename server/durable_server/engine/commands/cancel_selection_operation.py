"""`cancel_selection_operation`: a member that lost a select group is to be given up.

Workers send it again with each completion for a member that closed before it could be cancelled;
then there is nothing to do.
"""

from typing import Any, NamedTuple

import orjson

from durable_server.engine import activity_events, selections, timer_events
from durable_server.engine.commands.fields import Fields
from durable_server.engine.decision import Draft
from durable_server.engine.run_state import Activity, Child
from durable_server.engine.selections import Step

_NUMBERS = (("member_index", 0), ("member_base_sequence", 1), ("member_size", 1))
_TEXTS = ("selection_group_id", "operation_kind", "operation_identity")


class CancelSelectionOperation(NamedTuple):
    """The member as its worker knows it."""

    selection_group_id: str
    member_key: int | str
    member_index: int
    member_base_sequence: int
    member_size: int
    operation_kind: str
    operation_identity: str


def parse(fields: Fields) -> CancelSelectionOperation:
    """Read the command."""
    texts = {
        name: fields.required_text(name, f"The {name} field must be a non-empty string.")
        for name in _TEXTS
    }
    numbers = {}
    for name, least in _NUMBERS:
        number = fields.integer(name, least=least)
        if fields.raw.get(name) is None:
            fields.problem(name, f"{name} must be an integer")
        numbers[name] = number or 0
    key = fields.raw.get("member_key")
    if isinstance(key, bool) or not isinstance(key, int | str) or key == "":
        fields.problem("member_key", "The member_key field must be a string or an integer.")
        key = ""
    return CancelSelectionOperation(member_key=key, **texts, **numbers)  # type: ignore[arg-type]


def apply(draft: Draft, command: CancelSelectionOperation, batch: Any) -> None:
    """Give the member up if it is still open; its steps are at hand."""
    base = command.member_base_sequence
    rows: list[Step] = [*draft.activities(), *draft.timers(), *draft.children()]
    steps = sorted((row for row in rows if row.barrier == base), key=lambda row: row.step)
    member = selections.member_of(steps[0]) if steps else None
    if member is None or member.group_id != command.selection_group_id:
        raise batch.refuse("There is no such member of a select group.")
    named = selections.named(member, steps[0])
    if named != command._asdict():
        raise batch.refuse("The member is not the one that the run knows by these numbers.")
    run = draft.run
    if str(base) not in run.barriers or not selections.is_open(run, member):
        return
    if not selections.is_decided(run, member):
        raise batch.refuse("The select group of this member is not decided yet.")
    for step in steps:
        _give_up(draft, step)
    del run.barriers[str(base)]
    selections.leave(run, member)
    draft.append("SelectionOperationCancelled", named)
    # A worker that awaits the member stopped there; unless steps block it, it must look again.
    run.wake_requested = True


def _give_up(draft: Draft, step: Step) -> None:
    """Stop a step of the member; what it has come to already is told first."""
    run = draft.run
    if step.closing is not None:
        event_type, payload = orjson.loads(step.closing)
        draft.append(event_type, payload)
        step = step._replace(closing=None)
    if isinstance(step, Child):
        draft.put_child(step)
        if step.status == "started":
            _stop_child(draft, step)
    elif isinstance(step, Activity):
        if step.status in ("pending", "running"):
            run.open_activities -= 1
            draft.append("ActivityCancelled", activity_events.cancelled(step, draft.now))
            step = step._replace(status="cancelled", closed_at=draft.now, due_at=None)
            _withdraw_task(draft, step)
        draft.put_activity(step)
    else:
        if step.status == "pending":
            run.open_timers -= 1
            draft.append("TimerCancelled", timer_events.cancelled(step, draft.now))
            step = step._replace(status="cancelled")
        draft.put_timer(step)


def _withdraw_task(draft: Draft, activity: Activity) -> None:
    if activity.task_id is not None:
        task = draft.task(activity.task_id)
        if task.status in ("ready", "leased"):
            draft.put_task(task._replace(status="cancelled"))


def _stop_child(draft: Draft, child: Child) -> None:
    body = {
        "namespace": draft.run.namespace,
        "workflow_id": child.child_workflow_id,
        "policy": "request_cancel",
        "reason": "The select group of the parent workflow was decided without this child.",
    }
    draft.send("close_child", child.child_shard, child.child_run_id, body)
