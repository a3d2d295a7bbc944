"""Select groups: the first member to close decides; the others stay open and block nothing.

Each member is a barrier of its own, named by its first step: a single step, or a list that has
closed once all of its steps have. The event that decides is told in SelectionResolved. A member
that closes later is recorded, and wakes the run unless ordinary steps block it.
"""

from typing import Any, NamedTuple

import orjson

from durable_server.engine.decision import Draft
from durable_server.engine.run_state import Activity, Child, Event, Run, Timer

Step = Activity | Timer | Child
_FAILURES = frozenset(
    {
        *("ActivityFailed", "ActivityCancelled", "ActivityTimedOut"),
        *("ChildRunFailed", "ChildRunCancelled", "ChildRunTerminated"),
    }
)


class Member(NamedTuple):
    """A member of a select group, as its commands name it. kind: activity | timer | child |
    group."""

    group_id: str
    group_base: int
    group_size: int
    key: int | str
    position: int
    base: int
    size: int
    kind: str


def member_in(group: dict[str, Any] | None) -> Member | None:
    """The member that these parallel fields make a step belong to; None without a select group."""
    path = (group or {}).get("parallel_group_path")
    if not path or path[0].get("parallel_group_mode") != "select":
        return None
    outer = path[0]
    return Member(
        outer["parallel_group_id"],
        outer["parallel_group_base_sequence"],
        outer["parallel_group_size"],
        outer["selection_member_key"],
        outer["selection_member_index"],
        outer["selection_member_base_sequence"],
        outer["selection_member_size"],
        outer["selection_member_kind"],
    )


def member_of(step: Step) -> Member | None:
    """The member that a step belongs to."""
    return member_in(orjson.loads(step.group)) if step.group else None


def join(run: Run, member: Member) -> None:
    """Note that a member of a select group is open."""
    open_now = run.selections.setdefault(str(member.group_base), [0])
    if member.base not in open_now[1:]:
        open_now.append(member.base)


def is_open(run: Run, member: Member) -> bool:
    """Whether a member has not closed yet."""
    return member.base in run.selections.get(str(member.group_base), [0])[1:]


def is_decided(run: Run, member: Member) -> bool:
    """Whether the group of this member is decided."""
    return run.selections.get(str(member.group_base), [1])[0] == 1


def leave(run: Run, member: Member) -> None:
    """Note that a member is no longer open."""
    open_now = run.selections.get(str(member.group_base))
    if open_now is None:
        return
    run.selections[str(member.group_base)] = [
        open_now[0],
        *(base for base in open_now[1:] if base != member.base),
    ]
    if len(run.selections[str(member.group_base)]) == 1:
        del run.selections[str(member.group_base)]


def blocked(run: Run) -> bool:
    """Whether the run waits for steps: for a group that is not decided, or for ordinary ones."""
    if any(not decided for decided, *_ in run.selections.values()):
        return True
    loose = {str(base) for _, *bases in run.selections.values() for base in bases}
    return any(barrier not in loose for barrier in run.barriers)


def member_closed(draft: Draft, closed: list[tuple[Step, Event]]) -> bool:
    """Decide the group of the member that these steps make up; whether to wake the run for it.

    What belongs to no select group always wakes the run.
    """
    step, event = closed[-1]
    member = member_of(step)
    if member is None:
        return True
    run = draft.run
    decided = is_decided(run, member)
    if not decided:
        failure = next((each for each in closed if each[1].event_type in _FAILURES), None)
        resolution = event if failure is None else failure[1]
        outcome = "completed" if failure is None else "failed"
        draft.append("SelectionResolved", _resolved(member, step, resolution, outcome))
        run.selections[str(member.group_base)][0] = 1
    leave(run, member)
    return not decided or not blocked(run)


def identity_of(member: Member, step: Step) -> str:
    """The durable name of what a member stands for."""
    if member.kind == "group":
        return f"group:{member.base}:{member.size}"
    if isinstance(step, Activity):
        return step.activity_execution_id
    return step.timer_id if isinstance(step, Timer) else step.child_run_id


def named(member: Member, step: Step) -> dict[str, Any]:
    """How events name a member."""
    return {
        "selection_group_id": member.group_id,
        "member_key": member.key,
        "member_index": member.position,
        "member_base_sequence": member.base,
        "member_size": member.size,
        "operation_kind": member.kind,
        "operation_identity": identity_of(member, step),
    }


def _resolved(member: Member, step: Step, resolution: Event, outcome: str) -> dict[str, Any]:
    return {
        **named(member, step),
        "selection_group_base_sequence": member.group_base,
        "selection_group_size": member.group_size,
        "outcome": outcome,
        "resolution_event_id": resolution.event_id,
        "resolution_event_type": resolution.event_type,
    }
