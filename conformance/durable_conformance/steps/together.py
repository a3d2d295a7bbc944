"""`together`: several calls at the same time, judged as a set."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from durable_conformance import expect
from durable_conformance.steps import call
from durable_conformance.steps.context import Context
from durable_conformance.verdict import Broken

CALLS_MAX = 16


def run(step: dict[str, Any], context: Context) -> None:
    """Send all calls at once; `times` says how many answers fit each expectation."""
    calls = [context.variables.fill(each) for each in step["calls"]]
    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        futures = [pool.submit(call.send, each, context) for each in calls]
        answers = [future.result() for future in futures]
    for rule in step["times"]:
        wanted = context.variables.fill(rule["expect"])
        fitting = [each for each in answers if _fits(wanted, each)]
        if len(fitting) != rule["count"]:
            seen = ", ".join(str(each.status) for each in answers)
            raise Broken(
                f"{len(fitting)} of {len(answers)} answers are {wanted}, "
                f"expected {rule['count']}; statuses: {seen}"
            )
        if "as" in rule and fitting:
            context.variables.save(rule["as"], fitting[0].body)


def _fits(wanted: dict[str, Any], answer: Any) -> bool:
    try:
        expect.check(wanted, answer.status, answer.headers, answer.body)
    except Broken:
        return False
    return True
