"""Children as their parent sees them: asked for, begun, tried again, ended.

A child is a step that blocks the workflow, like an activity. Its run lives in a shard of its own,
so parent and child tell each other by messages, which may come twice, late and in another order.
The parent's row of the child tells what is news: a child that has ended is told nothing any more,
and a run older than the last one known is not looked at.
"""

from typing import Any, NamedTuple

import orjson

from durable_server.clock import SECOND, to_second_text
from durable_server.engine import dialects, new_run, selections, steps
from durable_server.engine.decision import Decision, Draft, Moment
from durable_server.engine.new_run import FirstTask, NewRun
from durable_server.engine.parent import Parent
from durable_server.engine.run_state import Child, Payload, RunState
from durable_server.shards import shard_of

ENDED = {
    "completed": "ChildRunCompleted",
    "failed": "ChildRunFailed",
    "cancelled": "ChildRunCancelled",
    "terminated": "ChildRunTerminated",
}


class ChildCall(NamedTuple):
    """What a workflow asks for: which child, with what, how long, how often.

    `policies` are shown in every event of the step: parent_close_policy and, where they were said,
    cancellation_policy, retry_policy and timeout_policy.
    """

    workflow_type: str
    arguments: Payload
    task_queue: str
    policies: dict[str, Any]
    execution_timeout_seconds: int | None
    run_timeout_seconds: int | None
    group: dict[str, Any] | None
    barrier: int
    trace: str | None = None


def schedule(draft: Draft, call: ChildCall) -> str:
    """Start a child as the next step of the run; returns the id of the child's first task."""
    run = draft.run
    workflow_id = draft.new_id()
    shard = shard_of(run.namespace, workflow_id)
    child = Child(
        shard=run.shard,
        child_call_id=draft.new_id(),
        run_id=run.run_id,
        step=draft.take_step(),
        barrier=call.barrier,
        workflow_type=call.workflow_type,
        task_queue=call.task_queue,
        status="started",
        child_shard=shard,
        child_workflow_id=workflow_id,
        child_run_id=draft.moment.new_id(shard),
        child_run_number=1,
        parent_close_policy=call.policies["parent_close_policy"],
        options=orjson.dumps(call.policies).decode(),
        group=orjson.dumps(call.group).decode() if call.group else None,
        created_at=draft.now,
        closed_at=None,
        closing=None,
    )
    run.open_children += 1
    draft.append("ChildWorkflowScheduled", _identity(child))
    timeouts = {
        "execution_timeout_seconds": call.execution_timeout_seconds,
        "run_timeout_seconds": call.run_timeout_seconds,
        "execution_deadline_at": _deadline(draft.now, call.execution_timeout_seconds),
        "run_deadline_at": _deadline(draft.now, call.run_timeout_seconds),
    }
    told = {name: value for name, value in timeouts.items() if value is not None}
    draft.append("ChildRunStarted", {**_identity(child), "child_status": "pending", **told})
    draft.put_child(child, new=True)
    task_id = draft.moment.new_id(shard)
    draft.send("start_child", shard, child.child_run_id, _birth(draft, child, call, task_id))
    return task_id


def start(state: RunState | None, moment: Moment, body: dict[str, Any]) -> Decision | None:
    """Begin the first run of a child; one that has begun, whatever became of it, is left alone."""
    if state is not None:
        return None
    shard, timeout = body["shard"], body["execution_timeout_seconds"]
    parent = Parent(**body["parent"])
    new = NewRun(
        shard=shard,
        run_id=body["run_id"],
        namespace=body["namespace"],
        workflow_id=body["workflow_id"],
        run_number=1,
        workflow_type=body["workflow_type"],
        task_queue=body["task_queue"],
        input=Payload(*body["input"]),
        build_id=body["build_id"],
        business_key=None,
        memo=body["memo"],
        search_attributes=body["search_attributes"],
        execution_timeout_seconds=timeout,
        run_timeout_seconds=body["run_timeout_seconds"],
        execution_deadline_at=new_run.deadline(moment.now, timeout),
        parent=parent.text,
        trace=body.get("trace"),
    )
    draft = new_run.draft_of(new, moment)
    new_run.begin(draft, new, None, parent.told(), FirstTask(task_id=body["task_id"]))
    return draft.done(True)


def goes_on(state: RunState, moment: Moment, body: dict[str, Any]) -> Decision:
    """Another run of the child has begun: it was tried again, or it continued as new."""
    draft = Draft(state, moment)
    child = _news(state, body)
    if child is None or body["child_run_number"] <= child.child_run_number:
        return draft.done(False)
    child = _in_run(child, body)
    draft.put_child(child)
    if not draft.run.closed:
        told = {"child_run_number": child.child_run_number, **body["told"]}
        payload = {**_identity(child), "child_status": "pending", **told}
        draft.append("ChildRunStarted", payload)
    return draft.done(True)


def end(state: RunState, moment: Moment, body: dict[str, Any]) -> Decision:
    """The child has ended; a parent that has closed only takes note of it."""
    draft = Draft(state, moment)
    child = _news(state, body)
    if child is None or body["child_run_number"] < child.child_run_number:
        return draft.done(False)
    status: str = body["status"]
    child = _in_run(child, body)._replace(status=status, closed_at=moment.now)
    run = draft.run
    if run.closed:
        draft.put_child(child)
        return draft.done(True)
    run.open_children -= 1
    event_type = ENDED[status]
    if dialects.blind_to_stopped_children(run.sdk_version) and status in dialects.STOPPED:
        event_type = ENDED["failed"]
    payload = {
        **_identity(child),
        "child_run_number": child.child_run_number,
        "child_status": status,
        "closed_reason": body["closed_reason"],
        "closed_at": body["closed_at"],
        **body["outcome"],
    }
    steps.close(draft, child, event_type, payload)
    return draft.done(True)


def _news(state: RunState, body: dict[str, Any]) -> Child | None:
    """The child that a message is about, unless it has ended already."""
    child = state.children.get(body["child_call_id"])
    return child if child is not None and child.status == "started" else None


def _in_run(child: Child, body: dict[str, Any]) -> Child:
    """The child in the run that the message tells of."""
    child = child._replace(child_run_number=body["child_run_number"])
    # SDKs know a member of a select group by the run with which it was opened, and by no other.
    if selections.member_of(child) is not None:
        return child
    return child._replace(child_run_id=body["child_run_id"])


def _identity(child: Child) -> dict[str, Any]:
    """What every event of the step tells."""
    return {
        "sequence": child.step,
        "workflow_link_id": child.child_call_id,
        "child_call_id": child.child_call_id,
        "child_workflow_instance_id": child.child_workflow_id,
        "child_workflow_run_id": child.child_run_id,
        "child_workflow_class": child.workflow_type,
        "child_workflow_type": child.workflow_type,
        "child_run_number": child.child_run_number,
        **(orjson.loads(child.options) if child.options else {}),
        **(orjson.loads(child.group) if child.group else {}),
    }


def _birth(draft: Draft, child: Child, call: ChildCall, task_id: str) -> dict[str, Any]:
    """Everything that the child's first run begins with."""
    run, details = draft.run, draft.details
    parent = Parent(
        shard=run.shard,
        run_id=run.run_id,
        workflow_id=run.workflow_id,
        child_call_id=child.child_call_id,
        step=child.step,
        attempt=1,
        retry_policy=call.policies.get("retry_policy"),
        timeout_policy=call.policies.get("timeout_policy"),
    )
    return {
        "shard": child.child_shard,
        "run_id": child.child_run_id,
        "namespace": run.namespace,
        "workflow_id": child.child_workflow_id,
        "workflow_type": child.workflow_type,
        "task_queue": child.task_queue,
        "input": list(call.arguments),
        "build_id": run.build_id,
        "memo": details.memo,
        "search_attributes": details.search_attributes,
        "execution_timeout_seconds": call.execution_timeout_seconds,
        "run_timeout_seconds": call.run_timeout_seconds,
        "task_id": task_id,
        "parent": parent._asdict(),
        "trace": call.trace or run.trace,
    }


def _deadline(now: int, seconds: int | None) -> str | None:
    return None if seconds is None else to_second_text(now + seconds * SECOND)
