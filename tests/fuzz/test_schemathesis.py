"""Requests generated from the published document, against a real server, with every check.

One test sends what the document allows and what it forbids at names that mostly do not exist; the
other sends what it allows at runs, tasks and workers that do. FUZZ_EXAMPLES says how many requests
are tried per operation, each time others; without it they are few and always the same.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from durable_conformance.fuzz.excuses import WAIT_SECONDS_MAX, excused, wait_briefly
from durable_conformance.fuzz.live import Live
from durable_conformance.fuzz.run import NEVER_BY_CHANCE, schema_of
from durable_conformance.target import Target
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS

from tests.served.serving import serving
from tests.support.server_process import TOKEN

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "10"))
CALLER = {"Authorization": f"Bearer {TOKEN}"}
HURRIED = {
    "WORKFLOW_SERVER_WORKER_POLL_TIMEOUT": str(WAIT_SECONDS_MAX),
    "WORKFLOW_SERVER_UPDATE_WAIT_COMPLETION_TIMEOUT_SECONDS": str(WAIT_SECONDS_MAX),
}
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)


everything = schema_of("default", "all")
# tests/http imports real bundles.
allowed = schema_of("default", "positive").exclude(operation_id=list(NEVER_BY_CHANCE))


def on(first: str, other: str) -> Any:
    """A fixture: the first database in every run, the other one in the long runs."""

    @pytest.fixture(scope="module", params=[first, pytest.param(other, marks=pytest.mark.long)])
    def live(
        request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Live]:
        with serving(request.param, tmp_path_factory.mktemp("fuzz"), "uvicorn", HURRIED) as url:
            yield Live(Target(url, credentials={"any": TOKEN}))

    return live


anywhere = on("sqlite", "postgresql")
somewhere = on("postgresql", "sqlite")


@everything.parametrize()
@BOUNDED
def test_every_answer_keeps_the_contract(case: schemathesis.Case, anywhere: Live) -> None:
    judge(case, anywhere)


@allowed.parametrize()
@BOUNDED
def test_what_the_contract_allows_is_accepted_where_things_exist(
    case: schemathesis.Case, somewhere: Live
) -> None:
    live = somewhere
    live.aim(case.operation.definition.raw["operationId"], case.path_parameters, case.body)
    judge(case, live)


def judge(case: schemathesis.Case, live: Live) -> None:
    """Send a request and hold the answer against every check but those that cannot know better."""
    wait_briefly(case.body)
    response = case.call(base_url=live.url, headers=CALLER)
    refused = response.status_code in (400, 412, 422)
    names = excused(response.status_code, response.json() if refused else None, case.body)
    left_out = [CHECKS.get_one(name) for name in names]
    case.validate_response(response, excluded_checks=left_out, headers=CALLER)
