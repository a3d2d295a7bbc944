"""The whole conformance suite against our own server: every database, HTTP server and driver."""

import json
from pathlib import Path

import pytest
from durable_conformance import library
from durable_conformance.cli import app
from typer.testing import CliRunner

from tests.served.serving import serving
from tests.support.databases import KINDS
from tests.support.server_process import TOKEN

ROLES = ("worker", "operator", "admin")
ROLE_TOKENS = {f"WORKFLOW_SERVER_{role.upper()}_TOKEN": f"token-of-{role}" for role in ROLES}
ROLE_FLAGS = (
    *(text for role in ROLES for text in (f"--{role}-token", f"token-of-{role}")),
    *("--legacy-token", TOKEN),
)
OTHER_CREDENTIALS = {"auth/shared-credential", "auth/signature"}
# What waits for limits of the server is left out where those are as usual.
SLOW = {"workflow_tasks/lost-worker", "queries/nobody-answers"}
HURRIED = {
    "WORKFLOW_TASK_TIMEOUT": "4",
    "WORKFLOW_SERVER_WORKER_POLL_TIMEOUT": "1",
    "WORKFLOW_SERVER_WORKER_POLL_INTERVAL_MS": "50",
}


def not_passed(url: str, folder: Path, *flags: str) -> dict[str, str]:
    """Run the suite; gives the verdict of every scenario that did not pass, by id."""
    report = folder / "report.jsonl"
    CliRunner().invoke(
        app, ["run", "--server", url, "--jsonl", str(report), "--parallel", "8", *flags]
    )
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    results = [line for line in lines if line["kind"] == "result"]
    assert results
    return {
        line["id"]: f"{line['verdict']}: {line['reason']}"
        for line in results
        if line["verdict"] != "pass"
    }


@pytest.mark.parametrize("http", ["uvicorn", "waitress"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_scenario_passes_with_a_credential_per_role(
    kind: str, http: str, tmp_path: Path
) -> None:
    with serving(kind, tmp_path, http, ROLE_TOKENS) as url:
        left = not_passed(url, tmp_path, *ROLE_FLAGS)

    assert set(left) == OTHER_CREDENTIALS | SLOW, left


@pytest.mark.parametrize("kind", KINDS)
def test_every_scenario_passes_with_short_leases_in_any_order(kind: str, tmp_path: Path) -> None:
    flags = ("--capability", "short_leases", "--order", "shuffled:7")
    with serving(kind, tmp_path, "uvicorn", {**ROLE_TOKENS, **HURRIED}) as url:
        left = not_passed(url, tmp_path, *ROLE_FLAGS, *flags)

    assert set(left) == OTHER_CREDENTIALS, left


def test_a_shared_credential_alone_reaches_everything(tmp_path: Path) -> None:
    with serving("sqlite", tmp_path, "uvicorn", {}) as url:
        left = not_passed(url, tmp_path, "--token", TOKEN)

    assert "auth/shared-credential" not in left
    assert set(left) == needing_roles() | SLOW, left


def test_signed_requests_pass_the_suite(tmp_path: Path) -> None:
    keys = {f"WORKFLOW_SERVER_{role.upper()}_SIGNATURE_KEY": f"token-of-{role}" for role in ROLES}
    settings = {"WORKFLOW_SERVER_AUTH_DRIVER": "signature", **keys}
    with serving("sqlite", tmp_path, "uvicorn", settings) as url:
        left = not_passed(url, tmp_path, *ROLE_FLAGS[:-2], "--auth", "signature")

    assert "auth/signature" not in left
    assert not [id_ for id_, verdict in left.items() if verdict.startswith(("fail", "error"))], left


def needing_roles() -> set[str]:
    """The scenarios that need a credential of a role's own, or another driver."""
    shared = {"credential:any", "credential:shared"}
    return {
        scenario.id
        for scenario in library.load().scenarios
        if any(need.startswith(("credential:", "auth:")) for need in scenario.needs)
        and not set(scenario.needs) & shared
    }
