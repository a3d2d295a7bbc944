"""What a child's run knows of its parent, and what it tells the parent when it ends.

The run that closes decides by itself whether the child is tried again, since it alone is at hand
then. What the parent must know travels as a message: `child_started` when another run of the child
began, `child_closed` when the child has come to its end.
"""

from typing import Any, NamedTuple

import orjson

from durable_server.clock import SECOND, to_micro_text
from durable_server.engine import new_run, schedule_run
from durable_server.engine.decision import Draft
from durable_server.engine.new_run import FirstTask
from durable_server.engine.retry import ActivityOptions, backoff_seconds, may_retry

FAILURE_FIELDS = ("failure_id", "exception_type", "exception_class", "message", "exception", "code")


class Parent(NamedTuple):
    """Whose child a run is, for which step, and how it is tried again. Kept as `Run.parent`.

    `attempt` counts the tries: runs with which the child only continued are not counted.
    """

    shard: int
    run_id: str
    workflow_id: str
    child_call_id: str
    step: int
    attempt: int
    retry_policy: dict[str, Any] | None
    timeout_policy: dict[str, Any] | None

    @property
    def text(self) -> str:
        """The JSON text kept with the run."""
        return orjson.dumps(self._asdict()).decode()

    def told(self) -> dict[str, Any]:
        """What WorkflowStarted of a child's run tells of its parent."""
        policies = {"retry_policy": self.retry_policy, "timeout_policy": self.timeout_policy}
        return {
            "parent_workflow_instance_id": self.workflow_id,
            "parent_workflow_run_id": self.run_id,
            "parent_sequence": self.step,
            "workflow_link_id": self.child_call_id,
            "child_call_id": self.child_call_id,
            **{name: policy for name, policy in policies.items() if policy is not None},
        }


def parent_of(text: str | None) -> Parent | None:
    """The parent kept with a run; None when it has none, also where a schedule started it."""
    kept = None if text is None else orjson.loads(text)
    return None if kept is None or "schedule_id" in kept else Parent(**kept)


def report_end(draft: Draft, end: dict[str, Any]) -> None:
    """Try the child again, or tell the parent that it has ended, or the schedule that started it.

    `end` is the payload of the event with which the run has closed.
    """
    run = draft.run
    if run.parent is None:
        return
    parent = parent_of(run.parent)
    if parent is None:
        schedule_run.report_end(draft, orjson.loads(run.parent))
        return
    if run.status == "failed" and _has_another_try(draft, parent, end):
        _try_again(draft, parent)
        return
    body = {
        "child_call_id": parent.child_call_id,
        "child_run_id": run.run_id,
        "child_run_number": run.run_number,
        "status": run.status,
        "closed_reason": run.closed_reason,
        "closed_at": to_micro_text(draft.now),
        "outcome": _outcome(draft, end),
    }
    draft.send("child_closed", parent.shard, parent.run_id, body)


def tell_next_run(draft: Draft, next_run: Draft, parent: Parent, **told: Any) -> None:
    """Tell the parent that its child goes on in another run; `told` joins the event about it."""
    run = next_run.run
    timeouts = {
        "execution_timeout_seconds": run.execution_timeout_seconds,
        "run_timeout_seconds": run.run_timeout_seconds,
        **new_run.deadlines_of(run),
        **told,
    }
    body = {
        "child_call_id": parent.child_call_id,
        "child_run_id": run.run_id,
        "child_run_number": run.run_number,
        "told": {name: value for name, value in timeouts.items() if value is not None},
    }
    draft.send("child_started", parent.shard, parent.run_id, body)


def _has_another_try(draft: Draft, parent: Parent, end: dict[str, Any]) -> bool:
    deadline = draft.run.execution_deadline_at
    if parent.retry_policy is None or (deadline is not None and deadline <= draft.now):
        return False
    if end.get("failure_category") == "structural_limit":
        return False
    failure = {
        "type": end.get("exception_type"),
        "class": end.get("exception_class"),
        "non_retryable": end.get("non_retryable"),
    }
    return may_retry(_options(parent), parent.attempt, failure)


def _options(parent: Parent) -> ActivityOptions:
    policy = parent.retry_policy or {}
    return ActivityOptions(
        max_attempts=policy["max_attempts"],
        backoff_seconds=tuple(policy["backoff_seconds"]),
        non_retryable_error_types=tuple(policy["non_retryable_error_types"]),
    )


def _try_again(draft: Draft, parent: Parent) -> None:
    """Begin the next try: a run of the same workflow whose first task waits for the backoff."""
    delay = backoff_seconds(_options(parent), parent.attempt)
    again = parent._replace(attempt=parent.attempt + 1)
    told = {"retry_attempt": again.attempt, "retry_of_child_workflow_run_id": draft.run.run_id}
    new = new_run.next_of(draft)._replace(parent=again.text)
    task = FirstTask(available_at=draft.now + delay * SECOND)
    next_run = new_run.draft_of(new, draft.moment)
    new_run.begin(next_run, new, draft.workflow, {**again.told(), **told}, task)
    tell_next_run(draft, next_run, again, **told, retry_backoff_seconds=delay)
    draft.follow(next_run.done())


def _outcome(draft: Draft, end: dict[str, Any]) -> dict[str, Any]:
    """What the parent's closing event tells of a result or a failure."""
    run = draft.run
    if run.status == "completed":
        if "output" not in end:
            return {}
        blob, codec = end["output"], end["payload_codec"]
        return {"output": blob, "result": blob, "payload_codec": codec}
    outcome = {name: end[name] for name in FAILURE_FIELDS if end.get(name) is not None}
    if run.status == "failed":
        category = "timeout" if run.closed_reason == "timed_out" else "child_workflow"
        return {**outcome, "failure_category": category}
    reason = end.get("reason")
    why = "." if not reason else f": {reason}"
    text = f"Child workflow {run.run_id} closed as {run.status}{why}"
    return {**outcome, "failure_category": run.status, "message": text}
