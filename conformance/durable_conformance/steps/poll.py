"""`poll`: wait, within a bound, for a task of the scenario's own queue."""

import time
from typing import Any

from durable_conformance.client import Exchange, Request, url_path
from durable_conformance.steps import register_worker
from durable_conformance.steps.context import Context, fields_of, plane_request
from durable_conformance.verdict import Broken

OPERATIONS = {
    "workflow": "workflow_tasks.poll",
    "activity": "activity_tasks.poll",
    "query": "query_tasks.poll",
}
TASK_NAMES = {"workflow": "task", "activity": "activity", "query": "query"}
HISTORY = "workflow_tasks.history"
PAGES_MAX = 1000
WITHIN_SECONDS = 15
POLL_SECONDS = 5
_PLACE = ("task_queue", "namespace", "headers")
_OWN = {"kind", "within_seconds", "worker_id", "body"}


def run(step: dict[str, Any], context: Context) -> None:
    """Poll until a task comes; `save` and `as` speak of the task, `expect` of the whole answer.

    The worker is registered first when the scenario has not done it.
    """
    step = context.variables.fill(step)
    name = step.get("worker_id", register_worker.DEFAULT_WORKER)
    if name not in context.registered:
        place: dict[str, Any] = {
            key: step[key] for key in ("task_queue", "namespace", "headers") if key in step
        }
        exchange = register_worker.register(name, place, context)
        context.check({}, exchange, {"status": {"one_of": [200, 201]}})
    exchange = _until_task(step, name, context)
    task = exchange.body["task"]
    if step["kind"] == "workflow" and "history_page_size" not in step:
        _read_on(step, task, context)
    context.check(step, exchange, {"status": 200})
    context.variables.save(step.get("as", TASK_NAMES[step["kind"]]), task)
    context.save(step.get("save", {}), task)


def _read_on(step: dict[str, Any], task: dict[str, Any], context: Context) -> None:
    """Join the further pages of a history to the first, unless the scenario speaks of pages."""
    for _ in range(PAGES_MAX):
        token = task.get("next_history_page_token")
        if token is None or not task.get("history_events"):
            return
        parts = plane_request(step, HISTORY, context)
        body = {**_lease(task), "next_history_page_token": token}
        path = url_path(parts["operation"], {"task_id": task["task_id"]})
        exchange = context.send(Request(url_path=path, body=body, **parts))
        context.check({}, exchange, {"status": 200})
        task["history_events"] = [*task["history_events"], *exchange.body["history_events"]]
        task["next_history_page_token"] = exchange.body["next_history_page_token"]
    raise Broken(f"a history has more than {PAGES_MAX} pages")


def _lease(task: dict[str, Any]) -> dict[str, Any]:
    return {name: task[name] for name in ("lease_owner", "workflow_task_attempt")}


def _until_task(step: dict[str, Any], name: str, context: Context) -> Exchange:
    deadline = time.monotonic() + float(step.get("within_seconds", WITHIN_SECONDS))
    while True:
        remaining = max(0, int(deadline - time.monotonic()))
        exchange = _once(step, name, min(POLL_SECONDS, remaining), context)
        context.check({}, exchange, {"status": 200})
        if exchange.body["task"] is not None:
            return exchange
        if time.monotonic() >= deadline:
            raise Broken(f"no {step['kind']} task came in time")


def _once(step: dict[str, Any], name: str, seconds: int, context: Context) -> Exchange:
    body = {
        "task_queue": context.variables.look_up("queue"),
        "timeout_seconds": seconds,
        **{key: value for key, value in fields_of(step).items() if key not in _OWN},
        "worker_id": context.variables.look_up(f"worker.{name}"),
    }
    parts = plane_request(step, OPERATIONS[step["kind"]], context)
    return context.send(Request(url_path=parts["operation"].path, body=body, **parts))
