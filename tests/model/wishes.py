"""Random commands, as workers send them on the wire."""

from typing import Any

from hypothesis import strategies as st

Command = dict[str, Any]

BLOCKING = ("schedule_activity", "start_timer")
BACKOFFS = st.lists(st.integers(0, 6), max_size=3)
POLICIES = st.fixed_dictionaries(
    {}, optional={"max_attempts": st.integers(1, 3), "backoff_seconds": BACKOFFS}
)
TIMERS = st.builds(
    lambda delay: {"type": "start_timer", "delay_seconds": delay}, st.integers(0, 30)
)
SIDE_EFFECTS = st.just({"type": "record_side_effect", "result": "AAA="})
MARKERS = st.builds(
    lambda change: {
        "type": "record_version_marker",
        "change_id": change,
        "version": 1,
        "min_supported": 1,
        "max_supported": 2,
    },
    st.sampled_from(["first", "second"]),
)
MALFORMED = st.sampled_from(
    [
        {"type": "fly"},
        {"type": "start_timer", "delay_seconds": -1},
        {"type": "schedule_activity", "activity_type": " "},
        {"type": "complete_workflow", "delay_seconds": 1},
        {"type": "record_version_marker", "change_id": "third"},
    ]
)
ENDINGS = st.sampled_from(
    [
        {"type": "complete_workflow", "result": {"ok": True}},
        {"type": "fail_workflow", "message": "no stock"},
    ]
)


@st.composite
def activities(draw: st.DrawFn) -> Command:
    """An activity with timeouts that agree with each other."""
    command: Command = {"type": "schedule_activity", "activity_type": "charge"}
    if draw(st.booleans()):
        command["retry_policy"] = draw(POLICIES)
    heartbeat = draw(st.none() | st.integers(1, 15))
    start_to_close = draw(st.none() | st.integers(heartbeat or 1, 40))
    waiting = draw(st.none() | st.integers(1, 20))
    least = max(start_to_close or 1, waiting or 1)
    timeouts = {
        "heartbeat_timeout": heartbeat,
        "start_to_close_timeout": start_to_close,
        "schedule_to_start_timeout": waiting,
        "schedule_to_close_timeout": draw(st.none() | st.integers(least, 90)),
    }
    return {**command, **{name: value for name, value in timeouts.items() if value is not None}}


NOTES = st.builds(
    lambda name, value: {"type": "upsert_memo", "entries": {name: value}},
    st.sampled_from(["first", "second"]),
    st.sampled_from([None, 1, "two", [3.5, True]]),
)
LABELS = st.builds(
    lambda name, value: {"type": "upsert_search_attributes", "attributes": {name: value}},
    st.sampled_from(["first", "second"]),
    st.sampled_from([None, 1, " two ", ["a", "b"]]),
)
LOCALS = st.builds(
    lambda outcome: {
        "type": "record_local_activity",
        "activity_type": "price",
        "outcome": outcome,
        "message": "no",
    },
    st.sampled_from(["completed", "failed", "timed_out", "cancelled"]),
)
STEPS = st.one_of(activities(), TIMERS, SIDE_EFFECTS, MARKERS, NOTES, LABELS, LOCALS)
BATCHES = st.lists(STEPS, max_size=4)
GROUPS = st.lists(st.one_of(activities(), TIMERS), min_size=2, max_size=4)


def grouped(commands: list[Command], base: int) -> list[Command]:
    """The commands marked as one parallel group whose first member is step `base`."""
    marked: list[Command] = []
    for index, command in enumerate(commands):
        group = {
            "parallel_group_id": f"parallel-calls:{base}:{len(commands)}",
            "parallel_group_kind": "activity",
            "parallel_group_base_sequence": base,
            "parallel_group_size": len(commands),
            "parallel_group_index": index,
        }
        marked.append({**command, **group, "parallel_group_path": [group]})
    return marked


def selected(commands: list[Command], base: int) -> list[Command]:
    """The commands marked as the members of one select group whose first is step `base`."""
    marked: list[Command] = []
    for index, command in enumerate(commands):
        kind = "timer" if command["type"] == "start_timer" else "activity"
        place = {
            "parallel_group_id": f"select-calls:{base}:{len(commands)}",
            "parallel_group_kind": "mixed",
            "parallel_group_mode": "select",
            "parallel_group_base_sequence": base,
            "parallel_group_size": len(commands),
            "parallel_group_index": index,
            "selection_member_key": index,
            "selection_member_index": index,
            "selection_member_base_sequence": base + index,
            "selection_member_size": 1,
            "selection_member_kind": kind,
        }
        marked.append({**command, **place, "parallel_group_path": [place]})
    return marked


def waits(commands: list[Command]) -> bool:
    """Whether the run will be resumed after these commands."""
    return any(command["type"] in BLOCKING for command in commands)


WAITS = st.builds(
    lambda seconds: {
        "type": "open_condition_wait",
        "condition_key": "ready",
        **({} if seconds is None else {"timeout_seconds": seconds}),
    },
    st.none() | st.sampled_from([0, 1, 20, 120]),
)
SIGNAL_WAITS = st.builds(
    lambda name, seconds: {
        "type": "open_signal_wait",
        "signal_name": name,
        "timeout_seconds": seconds,
    },
    st.sampled_from(["ready", "other"]),
    st.sampled_from([0, 1, 20]),
)
CHILDREN = st.builds(
    lambda policy, tries, seconds: {
        "type": "start_child_workflow",
        "workflow_type": "part",
        "parent_close_policy": policy,
        **({"retry_policy": {"max_attempts": tries, "backoff_seconds": [1]}} if tries else {}),
        **({"run_timeout_seconds": seconds} if seconds else {}),
    },
    st.sampled_from(["abandon", "request_cancel", "terminate"]),
    st.sampled_from([0, 0, 2]),
    st.sampled_from([0, 0, 30]),
)
ATTRIBUTES = st.builds(
    lambda stage: {"type": "upsert_search_attributes", "attributes": {"stage": stage}},
    st.sampled_from(["early", "late"]),
)
BLOCKED = st.one_of(activities(), TIMERS, CHILDREN, WAITS, WAITS, SIGNAL_WAITS)
STORY = st.builds(
    lambda steps, last: [*steps, last],
    st.lists(st.one_of(SIDE_EFFECTS, ATTRIBUTES, activities(), TIMERS), max_size=2),
    BLOCKED,
)
STORY_ENDINGS = st.sampled_from(
    [
        {"type": "complete_workflow", "result": "AAA="},
        {"type": "complete_workflow", "result": "AAA="},
        {"type": "fail_workflow", "message": "no stock"},
        {"type": "continue_as_new"},
        {"type": "continue_as_new"},
    ]
)
