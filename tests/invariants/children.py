"""I41-I45: children, as parent and child see each other."""

from collections import Counter
from typing import Any

import orjson

from tests.invariants.rows import Everything, Rows

RESOLVED = {
    "ChildRunCompleted": "completed",
    "ChildRunFailed": "failed",
    "ChildRunCancelled": "cancelled",
    "ChildRunTerminated": "terminated",
}


def i41_a_child_is_scheduled_once_and_resolved_at_most_once(rows: Rows) -> None:
    """Each call: one ChildWorkflowScheduled, some ChildRunStarted, no second resolution."""
    for child in rows.children:
        mine = Counter(e.type for e in rows.entries_of("child_call_id", child.child_call_id))
        assert mine["ChildWorkflowScheduled"] == 1, mine
        assert mine["ChildRunStarted"] >= 1, mine
        resolutions = sum(mine[each] for each in RESOLVED)
        assert resolutions <= 1, mine
        if child.closing is None and not rows.run.closed:
            assert (child.status != "started") == bool(resolutions), child


def i42_an_open_parent_learns_how_its_child_ended(everything: Everything) -> None:
    """Checked when all messages are delivered: no call is open whose last run has ended."""
    for rows in everything.runs.values():
        if rows.run.closed:
            continue
        for child in rows.children:
            if child.status == "started":
                last = _last_run(everything, child)
                assert last is None or not last.run.closed, child


def i43_a_child_result_is_what_the_child_returned(everything: Everything) -> None:
    """Output and result of ChildRunCompleted are the child's output."""
    for rows in everything.runs.values():
        for entry in rows.of("ChildRunCompleted"):
            child = everything.runs[entry.payload["child_workflow_run_id"]]
            (ending,) = child.of("WorkflowCompleted")
            assert entry.payload.get("output") == ending.payload.get("output"), entry
            assert entry.payload.get("result") == ending.payload.get("output"), entry


def i44_a_child_is_tried_as_often_as_its_policy_says(everything: Everything) -> None:
    """Runs of one call that were tried again stay within `max_attempts`."""
    for rows in everything.runs.values():
        for child in rows.children:
            policy = (orjson.loads(child.options or "{}") or {}).get("retry_policy") or {}
            mine = rows.entries_of("child_call_id", child.child_call_id)
            tries = 1 + sum("retry_attempt" in each.payload for each in mine)
            allowed = policy.get("max_attempts", 1)
            assert allowed is None or tries <= allowed, (tries, policy)
            last_two = [each for each in mine if each.type in RESOLVED]
            assert not last_two or mine[-1] == last_two[0], "tried again after its end"


def i45_children_follow_the_policy_of_a_closing_parent(everything: Everything) -> None:
    """Checked when all messages are delivered: what was to be closed is closed and recorded."""
    for rows in everything.runs.values():
        if not rows.run.closed or rows.run.closed_reason == "continued":
            continue
        applied = {e.payload["child_run_id"] for e in rows.of("ParentClosePolicyApplied")}
        for child in rows.children:
            last = _last_run(everything, child)
            resolved = any(
                e.type in RESOLVED for e in rows.entries_of("child_call_id", child.child_call_id)
            )
            if child.parent_close_policy == "abandon":
                assert child.child_run_id not in applied, child
            elif not resolved and last is not None:
                assert last.run.closed, f"outlives its parent: {child}"


def _last_run(everything: Everything, child: Any) -> Rows | None:
    runs = [
        rows for rows in everything.runs.values() if rows.run.workflow_id == child.child_workflow_id
    ]
    return max(runs, key=lambda rows: rows.run.run_number, default=None)
