"""I9-I13: step numbers, whom they belong to, and parallel groups."""

from collections import Counter
from typing import Any

from tests.invariants.rows import Entry, Rows

OPENING = {
    "ActivityScheduled",
    "TimerScheduled",
    "ChildWorkflowScheduled",
    "ConditionWaitOpened",
    "SignalWaitOpened",
    "SideEffectRecorded",
    "VersionMarkerRecorded",
    "SearchAttributesUpserted",
    "MemoUpserted",
    "WorkflowContinuedAsNew",
}
CARRIES_ONLY = {"UpdateApplied", "UpdateCompleted"}
TERMINAL = {
    "ActivityCompleted",
    "ActivityFailed",
    "ActivityTimedOut",
    "ActivityCancelled",
    "TimerFired",
    "TimerCancelled",
    "ChildRunCompleted",
    "ChildRunFailed",
    "ChildRunCancelled",
    "ChildRunTerminated",
}
GROUP_FIELDS = ("id", "kind", "base_sequence", "size", "index", "path")


def _owned(rows: Rows) -> list[Entry]:
    """The entries that belong to a step."""
    return [
        entry
        for entry in rows.entries
        if "sequence" in entry.payload and entry.type not in CARRIES_ONLY
    ]


def _owner(entry: Entry) -> Any:
    """Whose step it is: an activity, a call of a child, a wait, a timer, or the event itself."""
    payload = entry.payload
    for name in ("activity_execution_id", "child_call_id", "condition_wait_id", "signal_wait_id"):
        if name in payload:
            return payload[name]
    return payload.get("timer_id") or entry.event.event_id


def i09_a_step_number_belongs_to_one_step(rows: Rows) -> None:
    """Every event of a step carries its positive number, and no other step's."""
    owners: dict[int, Any] = {}
    for entry in _owned(rows):
        step = entry.payload["sequence"]
        assert isinstance(step, int) and step > 0, entry
        owner = _owner(entry)
        assert owners.setdefault(step, owner) == owner, f"step {step} has two owners"


def i10_step_numbers_rise_in_order_of_appearance(rows: Rows) -> None:
    """A step that appears later has a higher number."""
    steps = list(dict.fromkeys(entry.payload["sequence"] for entry in _owned(rows)))
    assert steps == sorted(steps), steps


def i11_step_numbers_are_dense(rows: Rows) -> None:
    """Without a jump of a parallel group the numbers are 1, 2, 3 and so on."""
    steps = {entry.payload["sequence"] for entry in _owned(rows)}
    assert steps == set(range(1, len(steps) + 1)), sorted(steps)


def i12_a_step_is_opened_once_and_ends_at_most_once(rows: Rows) -> None:
    """One opening event for each step, and no second end."""
    openings: Counter[int] = Counter()
    endings: Counter[int] = Counter()
    for entry in _owned(rows):
        step = entry.payload["sequence"]
        # The timer that bounds a wait shares the wait's step.
        bounds = entry.payload.get("timer_kind") is not None
        openings[step] += entry.type in OPENING and not bounds
        endings[step] += entry.type in TERMINAL and not bounds
    assert all(count == 1 for count in openings.values()), f"opened: {openings}"
    assert all(count <= 1 for count in endings.values()), f"ended: {endings}"


def i13_parallel_fields_agree_everywhere(rows: Rows) -> None:
    """base + index is the step, and a step's events carry the same fields."""
    groups: dict[int, Any] = {}
    for entry in _owned(rows):
        step, payload = entry.payload["sequence"], entry.payload
        path = payload.get("parallel_group_path")
        if path is None:
            continue
        fields = {name: payload[f"parallel_group_{name}"] for name in GROUP_FIELDS}
        for each in path:
            base, size = each["parallel_group_base_sequence"], each["parallel_group_size"]
            assert each["parallel_group_index"] in range(size)
            assert each["parallel_group_id"].rpartition(":")[0].endswith(f":{base}")
        last = path[-1]
        assert all(payload[name] == value for name, value in last.items())
        assert last["parallel_group_base_sequence"] + last["parallel_group_index"] == step
        assert groups.setdefault(step, fields) == fields
    for entry in _owned(rows):
        if entry.type in TERMINAL - {"ActivityCancelled", "TimerCancelled"}:
            known = entry.payload["sequence"] in groups
            assert known == ("parallel_group_path" in entry.payload), entry
