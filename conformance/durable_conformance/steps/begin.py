"""`begin` and `finish`: a call that waits for what the steps between them bring about."""

import threading
from concurrent.futures import Future
from typing import Any

from durable_conformance.client import Exchange
from durable_conformance.steps import call
from durable_conformance.steps.context import Context
from durable_conformance.verdict import Undecided

FINISH_SECONDS_MAX = 90


def begin(step: dict[str, Any], context: Context) -> None:
    """Send the request that the step describes, without waiting for its answer."""
    step = context.variables.fill(step)
    future: Future[Exchange] = Future()

    def send() -> None:
        try:
            future.set_result(call.send(step, context))
        except BaseException as error:
            future.set_exception(error)

    # A thread of its own, which nobody waits for when the scenario has failed before its end.
    threading.Thread(target=send, name=f"begin-{step['as']}", daemon=True).start()
    context.begun[step["as"]] = future


def finish(step: dict[str, Any], context: Context) -> None:
    """Wait for the answer to a call that was begun, and check it."""
    step = context.variables.fill(step)
    future = context.begun.pop(step["call"], None)
    if future is None:
        raise Undecided(f"nothing was begun as {step['call']!r}")
    exchange = future.result(timeout=FINISH_SECONDS_MAX)
    context.conclude(step, exchange, {"status": {"at_most": 299}})
