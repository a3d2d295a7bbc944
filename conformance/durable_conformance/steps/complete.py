"""`complete`: hand in the outcome of a task that a poll gave, with its own lease."""

from typing import Any

from durable_conformance.client import Request, url_path
from durable_conformance.steps.context import Context, fields_of, plane_request
from durable_conformance.steps.poll import TASK_NAMES
from durable_conformance.verdict import Undecided

OPERATIONS = {
    "workflow": "workflow_tasks.complete",
    "activity": "activity_tasks.complete",
    "query": "query_tasks.complete",
}
EXPECTED = {"query": {"outcome": "completed"}}


def run(step: dict[str, Any], context: Context) -> None:
    """Complete a task; `task` names a saved one, the latest of its kind when absent."""
    kind = step.get("kind", "workflow")
    task = context.variables.look_up(step.get("task", TASK_NAMES[kind]))
    if not isinstance(task, dict):
        raise Undecided("complete needs a whole task; save it with `as`")
    step = context.variables.fill(step)
    fields = {key: value for key, value in fields_of(step).items() if key not in ("kind", "task")}
    parts = plane_request(step, OPERATIONS[kind], context)
    ids = {name: task[name] for name in ("task_id", "query_task_id") if name in task}
    path = url_path(parts["operation"], ids)
    exchange = context.send(Request(url_path=path, body={**lease_of(task), **fields}, **parts))
    body = EXPECTED.get(kind, {"recorded": True})
    context.conclude(step, exchange, {"status": 200, "body": body})


def lease_of(task: dict[str, Any]) -> dict[str, Any]:
    """What a worker must echo to prove that it holds the task."""
    fence = "workflow_task_attempt"
    if "attempt_number" in task:
        fence = "activity_attempt_id"
    elif "query_task_id" in task:
        fence = "query_task_attempt"
    return {"lease_owner": task["lease_owner"], fence: task[fence]}
