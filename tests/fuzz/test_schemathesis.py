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
from durable_contracts import bundle
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.fuzz.live import Live
from tests.served.serving import serving
from tests.support.server_process import TOKEN

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "10"))
WAIT_SECONDS_MAX = 1
CALLER = {"Authorization": f"Bearer {TOKEN}"}
HURRIED = {
    "WORKFLOW_SERVER_WORKER_POLL_TIMEOUT": str(WAIT_SECONDS_MAX),
    "WORKFLOW_SERVER_UPDATE_WAIT_COMPLETION_TIMEOUT_SECONDS": str(WAIT_SECONDS_MAX),
}
# A namespace that does not exist ends every request at the same gate.
INSIDE = {"header.X-Namespace": "default", "query.namespace": "default"}
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)


def document(mode: str) -> Any:
    """The published document as a source of requests of one mode."""
    config = SchemathesisConfig.from_dict({"parameters": INSIDE, "generation": {"mode": mode}})
    return schemathesis.openapi.from_dict(bundle.published(), config=config)


everything = document("all")
# A bundle that a run was exported to is not made by chance: tests/http imports real ones.
allowed = document("positive").exclude(operation_id="imports.history_export")


def on(first: str, other: str) -> Any:
    """A fixture: the first database in every run, the other one in the long runs."""

    @pytest.fixture(scope="module", params=[first, pytest.param(other, marks=pytest.mark.long)])
    def live(
        request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Live]:
        with serving(request.param, tmp_path_factory.mktemp("fuzz"), "uvicorn", HURRIED) as url:
            yield Live(url, TOKEN)

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
    left_out = [*excused_rejection(response), *excused_acceptance(case)]
    case.validate_response(response, excluded_checks=left_out, headers=CALLER)


def wait_briefly(body: Any) -> None:
    """Shorten a wait that the document allows."""
    for name, most in (("timeout_seconds", 60), ("wait_timeout_seconds", 2**31 - 1)):
        asked = str(body.get(name)) if isinstance(body, dict) else ""
        if asked.isdecimal() and WAIT_SECONDS_MAX < int(asked) <= most:
            body[name] = WAIT_SECONDS_MAX


def excused_rejection(response: Any) -> list[Any]:
    """Refusals of allowed requests for reasons that no schema can state."""
    body = response.json() if response.status_code in (400, 412, 422) else {}
    reason, errors = body.get("reason"), body.get("errors", {})
    excused = (
        # The state of the server: whether the worker polled for has registered.
        reason == "worker_not_registered"
        # Tokens are the server's own.
        or reason in ("invalid_page_token", "malformed_schedule_page_token")
        # What a namespace has been given: storage, attributes.
        or reason in ("external_storage_not_configured", "external_storage_disabled")
        or "config.endpoint" in errors
        # Queries have a grammar of their own, and so have specs of schedules.
        or reason in ("invalid_visibility_query", "unknown_search_attribute")
        or reason in ("unsupported_visibility_predicate", "invalid_schedule_visibility_query")
        or any(path.startswith("spec") for path in errors)
        # A checksum, or an action that outside systems name freely.
        or reason in ("import_checksum_mismatch", "unsupported_action")
        or reason in ("unsupported_routing", "storage_driver_unavailable")
        or str(reason).startswith("import_")
        # Whole numbers in texts of a query.
        or reason == "invalid_after_sequence"
        # Whole numbers of more than 64 bits inside values of any shape.
        or body.get("json_error") == "a number is out of range"
        # The id belongs to a workflow of another type.
        or "is reserved for durable type" in str(errors.get("workflow_type"))
        # The letters of attribute names, which OpenAPI 3.0 has no words for.
        or "search_attributes" in errors
        # Names are bounded by their bytes, and envelopes are known by their members.
        or any(path.endswith("_name") or path.startswith("input.") for path in errors)
        # How commands of a completion go together.
        or any(path.startswith("commands.") for path in errors)
    )
    return [positive_data_acceptance] if excused else []


def excused_acceptance(case: schemathesis.Case) -> list[Any]:
    """A body that is no object gives no fields, on purpose."""
    return [] if isinstance(case.body, dict) else [negative_data_rejection]
