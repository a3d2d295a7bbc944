"""`wait_until`: a call, repeated within a bound until it answers as expected."""

import time
from typing import Any

from durable_conformance.steps import call
from durable_conformance.steps.context import Context
from durable_conformance.verdict import Broken

WITHIN_SECONDS = 15
FIRST_PAUSE_SECONDS = 0.02
PAUSE_SECONDS_MAX = 0.5


def run(step: dict[str, Any], context: Context) -> None:
    """Repeat a call until its expectation holds; the last difference is the verdict's reason."""
    step = context.variables.fill(step)
    deadline = time.monotonic() + float(step.get("within_seconds", WITHIN_SECONDS))
    pause = FIRST_PAUSE_SECONDS
    while True:
        exchange = call.send(step, context)
        try:
            context.conclude(step, exchange, {})
        except Broken:
            if time.monotonic() + pause > deadline:
                raise
            # Asking again at growing distances spares the target; nothing relies on the length.
            time.sleep(pause)
            pause = min(2 * pause, PAUSE_SECONDS_MAX)
        else:
            return
