"""What a scenario can do: one module per step, named as in the scenario files."""

from collections.abc import Callable
from typing import Any

from durable_conformance.steps import (
    begin,
    call,
    complete,
    poll,
    register_worker,
    request,
    start_workflow,
    together,
    wait_until,
)
from durable_conformance.steps.context import Context

STEPS: dict[str, Callable[[dict[str, Any], Context], None]] = {
    "begin": begin.begin,
    "call": call.run,
    "complete": complete.run,
    "finish": begin.finish,
    "poll": poll.run,
    "register_worker": register_worker.run,
    "request": request.run,
    "start_workflow": start_workflow.run,
    "together": together.run,
    "wait_until": wait_until.run,
}
