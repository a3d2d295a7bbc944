"""Values to store: one of every kind, and decisions made of them."""

from durable_server.engine import run_state as values
from durable_server.engine.decision import Decision
from durable_server.engine.run_state import Payload, RunState
from durable_server.ids import new_id, shard_of

NOW = 1_777_000_000_000_000


def a_start(workflow_id: str = "order-1", run_number: int = 1) -> Decision:
    """A new run with a row of every kind below it."""
    shard = shard_of("default", workflow_id)
    run_id, task_id, activity_id, timer_id = (new_id(shard) for _ in range(4))
    run = values.Run(
        shard=shard, run_id=run_id, namespace="default", workflow_id=workflow_id,
        run_number=run_number, workflow_type="echo", task_queue="q", build_id=None,
        status="pending", closed_reason=None, business_key=None, payload_codec="json",
        framing=None, sdk_version=None, execution_timeout_seconds=None,
        run_timeout_seconds=60, execution_deadline_at=None, run_deadline_at=NOW + 5,
        deadline_at=NOW + 5, started_at=NOW, closed_at=None, last_progress_at=NOW,
        last_sequence=1, history_bytes=2, next_step=1, open_activities=1, open_timers=1,
        task_id=task_id, task_leased=False, wake_requested=True, barriers={"1": [2, 0]},
        ready_barriers=[1], version_markers={"change": 3},
    )  # fmt: skip
    task = values.Task(
        shard, task_id, run_id, "default", workflow_id, "q", "workflow", "ready", "echo", None,
        None, NOW, 0, None, None, None, None, 1, 0, None, None, None, None, NOW,
    )  # fmt: skip
    activity = values.Activity(
        shard, activity_id, run_id, 1, 1, "greet", "q", "pending", 1, None, None, "{}", None,
        "json", 1, None, None, None, None, NOW + 3, NOW, None, None, None, None, None, None, None,
    )  # fmt: skip
    timer = values.Timer(shard, timer_id, run_id, 2, 1, None, 1, NOW + 1, "pending", None, None)
    event = values.Event(shard, run_id, 1, new_id(shard), "StartAccepted", "{}", None, None, NOW)
    child = values.Child(
        shard, f"{activity_id}c", run_id, 3, 3, "echo", "q", "started", 2, "child-1", "child-run",
        1, "abandon", None, None, NOW, None, None,
    )  # fmt: skip
    signal = values.Signal(
        shard, f"{activity_id}s", run_id, "default", workflow_id, "command-2", 2, "go", "json",
        "[]", f"{run_id}r", "received", True, None, None, None, NOW, None,
    )  # fmt: skip
    update = values.Update(
        shard, f"{activity_id}u", run_id, "default", workflow_id, "command-3", 3, "set", None,
        None, f"{run_id}r", "instance", "accepted", False, None, None, None, None, None, NOW, None,
    )  # fmt: skip
    message = values.Message(
        shard, new_id(shard), run_id, "child_closed", 1, "other", "{}", NOW, NOW
    )
    return Decision(
        state=RunState(run),
        workflow=values.Workflow(shard, "default", workflow_id, "echo", run_id, run_number, NOW),
        details=values.RunDetails(shard, run_id, Payload("json", "[]"), None, '{"a":1}', None),
        events=[event],
        new_run=True,
        tasks={task_id: task},
        activities={activity_id: activity},
        timers={timer_id: timer},
        children={child.child_call_id: child},
        signals={signal.signal_id: signal},
        updates={update.update_id: update},
        new_rows={
            *(task_id, activity_id, timer_id),
            *(child.child_call_id, signal.signal_id, update.update_id),
        },
        messages=[message],
    )
