"""Requests that follow one from another, as the links of replies lead: a start, a poll, a
completion, a description.
"""

import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis.errors import Flaky

from durable_conformance.client import ANSWER_SECONDS_MAX
from durable_conformance.contract import operations
from durable_conformance.fuzz.bounds import Bounds
from durable_conformance.fuzz.excuses import wait_briefly
from durable_conformance.fuzz.live import QUEUE, Live, headers_of

STEPS = 8
ROUNDS = 10
# Each would wait for a worker that has other things to do.
NEVER_FOLLOWED = frozenset({"queries.query", "queries.query_run"})
_OURS = "fuzz-"
_IDS = {"workflows.start": "workflow_id", "workers.register": "worker_id"}

Judge = Callable[[str, Any, Any, Any], None]


def follow(schema: Any, live: Live, judge: Judge, bounds: Bounds) -> None:
    """Follow links from reply to reply until the time is up.

    `judge` is told of each request: operation, case, response, and what recorded the steps.
    """
    machine = schema.exclude(operation_id=list(NEVER_FOLLOWED)).as_state_machine()
    target = live.target

    class Following(machine):  # type: ignore[misc, valid-type]
        def step(self, step: Any) -> Any:
            return None if bounds.late() else super().step(step)

        def before_call(self, case: Any) -> None:
            for name, place in (("X-Namespace", case.headers), ("namespace", case.query)):
                if place and name in place:
                    place[name] = target.namespace
            _aim(_name_of(case), case.body, live)

        def call(self, case: Any, **given: Any) -> Any:
            plane = operations()[_name_of(case)].plane
            caller = headers_of(target, plane)
            return case.call(base_url=target.url, headers=caller, timeout=ANSWER_SECONDS_MAX)

        def validate_response(self, response: Any, case: Any, *rest: Any, **more: Any) -> None:
            judge(_name_of(case), case, response, self.recorder)

    bounded = hypothesis.settings(
        max_examples=bounds.examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    for turn in range(ROUNDS):
        # What a server answers depends on more than what it was asked, and ends a round early.
        with suppress(Flaky):
            hypothesis.seed(bounds.seed + turn)(Following).run(settings=bounded)


def _name_of(case: Any) -> str:
    name: str = case.operation.definition.raw["operationId"]
    return name


def _aim(name: str, body: Any, live: Live) -> None:
    """Bring what is started and who works together in one queue, under ids of their own."""
    if not isinstance(body, dict):
        return
    if name in _IDS:
        body[_IDS[name]] = f"{_OURS}{uuid.uuid4().hex}"
        body["task_queue"] = QUEUE
    if name.endswith(".poll"):
        body["timeout_seconds"] = 0
        if not str(body.get("worker_id")).startswith(_OURS):
            live.aim(name, {}, body)
        live.offer(name)
    wait_briefly(body)
