"""`durable-conformance fuzz`: which answers were reached, and what it says when it cannot work."""

import builtins
import json
import time
from pathlib import Path
from typing import Any

import pytest
from durable_conformance.cli import app
from durable_conformance.contract import operations
from durable_conformance.fuzz.bounds import Bounds
from durable_conformance.fuzz.coverage import UNREACHABLE, UNREACHABLE_HERE, Coverage
from durable_conformance.fuzz.excuses import ACCEPTANCE, REJECTION, excused
from durable_conformance.fuzz.run import Fuzz
from durable_conformance.target import Target
from typer.testing import CliRunner

from tests.served.serving import serving
from tests.served.test_conformance import ROLE_TOKENS, ROLES
from tests.support.server_process import TOKEN

SECONDS_MAX = 60
OWN_FLAGS = [word for role in ROLES for word in (f"--{role}-token", f"token-of-{role}")]
HURRIED = {
    "WORKFLOW_SERVER_WORKER_POLL_TIMEOUT": "1",
    "WORKFLOW_SERVER_UPDATE_WAIT_COMPLETION_TIMEOUT_SECONDS": "1",
}


def test_what_was_not_reached_and_what_is_not_documented_is_told() -> None:
    coverage = Coverage()
    coverage.note("health.health", 200)
    coverage.note("health.health", 418)

    health = coverage.document()["health.health"]
    assert coverage.undocumented() == [("health.health", 418)]
    assert (health["reached"], health["not_reached"]) == ({"200": 1}, [413])
    own = coverage.document()["metrics.read"]
    assert own["unreachable"]["404"] == UNREACHABLE_HERE["metrics.read", 404]
    assert 404 not in own["not_reached"]
    assert health["unreachable"] == {"500": UNREACHABLE[500], "503": UNREACHABLE[503]}
    assert "health.health" in coverage.text().splitlines()[0]
    assert len(coverage.document()) == len(operations())


@pytest.mark.parametrize(
    ("status", "answer", "body", "checks"),
    [
        (422, {"errors": {"workflow_type": ["no"]}}, {}, []),
        (422, {"errors": {"commands.0.type": ["no"]}}, {}, [REJECTION]),
        (422, {"errors": {"contracts.a\0": ["must not contain U+0000."]}}, {}, [REJECTION]),
        (422, {"reason": "search_attribute_limit_reached"}, {}, [REJECTION]),
        (412, {"reason": "worker_not_registered"}, {}, [REJECTION]),
        (200, {"reason": "worker_not_registered"}, {}, []),
        (201, {}, [], [ACCEPTANCE]),
    ],
)
def test_only_what_no_schema_can_say_is_excused(
    status: int, answer: Any, body: Any, checks: list[str]
) -> None:
    assert excused(status, answer, body) == checks


def test_without_its_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any, **more: Any) -> Any:
        if name == "durable_conformance.fuzz.run":
            raise ImportError("No module named 'schemathesis'")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    said = CliRunner().invoke(app, ["fuzz", "--server", "http://127.0.0.1:1"])

    assert said.exit_code == 2
    assert "durable-conformance[fuzz]" in said.output


def test_links_lead_from_a_start_to_a_completion_and_on(tmp_path: Path) -> None:
    with serving("sqlite", tmp_path, "uvicorn", HURRIED) as url:
        target = Target(url, credentials={"any": TOKEN})
        fuzz = Fuzz(target, Bounds(5, 3, time.monotonic() + SECONDS_MAX), print)
        fuzz.linked()

    reached = fuzz.found.coverage.reached
    assert fuzz.found.failures == []
    assert reached["workflows.start", 201]
    assert reached["workflow_tasks.poll", 200]
    worked = [name for name, status in reached if status == 200 and "_tasks." in name]
    assert {name.partition(".")[0] for name in worked if "poll" not in name} >= {
        "workflow_tasks",
        "activity_tasks",
    }
    assert reached["workflows.describe_run", 200]


@pytest.mark.parametrize("credentials", [{}, {"any": TOKEN}])
def test_only_a_server_that_asks_for_credentials_must_refuse_who_has_none(
    tmp_path: Path, credentials: dict[str, str]
) -> None:
    open_to_all = {**HURRIED, "WORKFLOW_SERVER_AUTH_DRIVER": "none"}
    with serving("sqlite", tmp_path, "uvicorn", open_to_all) as url:
        target = Target(url, credentials=credentials)
        fuzz = Fuzz(target, Bounds(1, 1, time.monotonic() + SECONDS_MAX), print)
        fuzz.generated("namespaces.list")

    assert bool(fuzz.found.failures) == bool(credentials)


@pytest.mark.long
def test_our_server_answers_all_that_is_documented_and_nothing_else(tmp_path: Path) -> None:
    report = tmp_path / "reached.json"
    with serving("sqlite", tmp_path, "uvicorn", {**ROLE_TOKENS, **HURRIED}) as url:
        words = ["fuzz", "--server", url, *OWN_FLAGS, "--examples", "5", "--seed", "1"]
        said = CliRunner().invoke(app, [*words, "--coverage", str(report)])

    found = json.loads(report.read_text())
    assert found["failures"] == []
    assert said.exit_code == 0
    missing = {name: each["not_reached"] for name, each in found["operations"].items()}
    assert {name: statuses for name, statuses in missing.items() if statuses} == {}
