"""The unmodified official SDK runs real programs against a real server, release by release."""

import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.sdk.environments import RELEASES, make_all
from tests.sdk.fleet import Facts, Release
from tests.support.server_process import ServerProcess
from tests.support.services import postgres_url

pytestmark = pytest.mark.sdk

# A lost worker's task is offered again when its lease ends; the tests need not wait a minute.
LEASES = {"WORKFLOW_TASK_TIMEOUT": "5", "ACTIVITY_TASK_TIMEOUT": "15"}


class Fleet:
    """Every release at work at the same time on one server."""

    def __init__(self, server: ServerProcess, logs: Path) -> None:
        self.releases = {name: Release(server, name, logs) for name in RELEASES}
        self._pool = ThreadPoolExecutor(2 * len(RELEASES))
        self._driven = {n: self._pool.submit(r.drive) for n, r in self.releases.items()}
        self._lost = {
            n: self._pool.submit(_lose_workers, Release(server, n, logs), logs / f"{n}.held")
            for n in self.releases
        }

    def driven(self, release: str) -> Facts:
        """What the client of a release saw."""
        return _answer(self._driven[release])

    def lost(self, release: str) -> dict[str, Facts]:
        """What became of the workflows whose workers were killed."""
        return _answer(self._lost[release])

    def close(self) -> None:
        """Wait for whatever still runs."""
        self._pool.shutdown()


def _lose_workers(release: Release, marker: Path) -> dict[str, Facts]:
    return {"take_over": release.take_over(), "abandon": release.abandon(marker)}


def _answer(future: "Future[Any]") -> Any:
    return future.result(timeout=600)


def _database(kind: str, folder: Path) -> str:
    if kind == "sqlite":
        return f"sqlite:///{folder}/durable.sqlite"
    admin = postgres_url()
    name = f"sdk_{uuid.uuid4().hex}"
    connection = psycopg2.connect(admin)
    connection.autocommit = True
    try:
        connection.cursor().execute(f"CREATE DATABASE {name}")
    finally:
        connection.close()
    return f"{admin.rpartition('/')[0]}/{name}"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def fleet(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Fleet]:
    make_all()
    folder = tmp_path_factory.mktemp(f"sdk-{request.param}")
    server = ServerProcess(_database(request.param, folder), folder / "server.log", LEASES).start()
    running = Fleet(server, folder)
    yield running
    running.close()
    server.stop()


@pytest.fixture(params=RELEASES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def facts(fleet: Fleet, name: str) -> Facts:
    return fleet.driven(name)


@pytest.fixture
def release(fleet: Fleet, name: str) -> Release:
    return fleet.releases[name]


def event_types(release: Release, run: Facts) -> list[str]:
    """The types of a run's events, in order."""
    return [event["event_type"] for event in release.history(run["workflow_id"], run["run_id"])]


def test_the_environment_holds_exactly_the_release(facts: Facts, name: str) -> None:
    assert facts["release"]["version"] == name


def test_a_workflow_with_one_activity_completes(facts: Facts, release: Release) -> None:
    assert facts["hello"]["result"] == "hello, wörld \u2603"
    assert facts["hello"]["status"] == "completed"
    assert event_types(release, facts["hello"]) == [
        "StartAccepted",
        "WorkflowStarted",
        "ActivityScheduled",
        "ActivityStarted",
        "ActivityCompleted",
        "WorkflowCompleted",
    ]


def test_activities_run_one_after_the_other(facts: Facts, release: Release) -> None:
    assert facts["sequence"]["result"] == 32
    kinds = [kind for kind in event_types(release, facts["sequence"]) if "Activity" in kind]
    assert kinds == ["ActivityScheduled", "ActivityStarted", "ActivityCompleted"] * 5


def test_parallel_activities_answer_in_authored_order(facts: Facts, release: Release) -> None:
    assert facts["parallel"]["result"] == ["a", "b", "c", "d"]
    counted = Counter(event_types(release, facts["parallel"]))
    assert (counted["ActivityScheduled"], counted["ActivityCompleted"]) == (4, 4)


def plain_class(run: dict[str, Any]) -> str:
    """The class of a run's failure without the module that later releases put before it."""
    return run["failed"]["class"].rpartition(".")[2]


def test_a_timer_fires_after_its_delay(facts: Facts, release: Release) -> None:
    assert facts["timer"]["result"] == "rested"
    run = facts["timer"]
    events = release.history(run["workflow_id"], run["run_id"])
    moments = {
        event["event_type"]: datetime.fromisoformat(event["timestamp"].replace("Z", "+00:00"))
        for event in events
    }
    assert (moments["TimerFired"] - moments["TimerScheduled"]).total_seconds() >= 2


def test_an_activity_is_retried_as_its_policy_says(facts: Facts) -> None:
    if "retry_policy" in facts["release"]["can"]:
        assert facts["retry"]["result"] == 3
    else:
        # Without a policy there is one attempt, and its failure fails the run.
        assert plain_class(facts["retry"]) == "ConnectionError"
        assert "attempt 1 fails" in facts["retry"]["failed"]["message"]


def test_an_activity_failure_reaches_the_client_with_its_type(facts: Facts) -> None:
    assert facts["failure"]["status"] == "failed"
    assert plain_class(facts["failure"]) == "ValueError"
    assert "the order is empty" in facts["failure"]["failed"]["message"]


def test_an_activity_failure_reaches_the_workflow_with_its_type(facts: Facts) -> None:
    if facts["release"]["sees_activity_failures"]:
        assert facts["caught"]["result"]["type"] == "ValueError"
        assert "the order is empty" in facts["caught"]["result"]["message"]
    else:
        # Such a release's workflow never learns of the failure: the server ends the run with it.
        assert plain_class(facts["failure"]) == "ValueError"


def test_a_workflow_failure_reaches_the_client_with_its_type(facts: Facts) -> None:
    assert facts["broken"]["status"] == "failed"
    assert plain_class(facts["broken"]) == "LookupError"
    assert "nothing there" in facts["broken"]["failed"]["message"]


def test_heartbeats_keep_an_activity_alive(facts: Facts) -> None:
    assert facts["heartbeat"]["result"] == 32


def test_a_side_effect_keeps_its_value(facts: Facts, release: Release) -> None:
    chosen, doubled, again = facts["side_effect"]["result"]
    assert doubled == again == chosen * 2
    assert event_types(release, facts["side_effect"]).count("SideEffectRecorded") == 1


def test_fifty_workflows_complete_at_once(facts: Facts) -> None:
    results = [run.get("result") for run in facts["many"]["runs"]]
    assert results == [f"hello, n{number}" for number in range(50)]


def test_a_second_start_of_a_held_id_is_refused(facts: Facts) -> None:
    assert facts["twice"]["raised"] == "WorkflowAlreadyStarted"


def test_an_unknown_workflow_is_not_found(facts: Facts) -> None:
    assert facts["unknown"]["raised"] == "WorkflowNotFound"


def test_another_worker_finishes_what_a_killed_one_began(
    fleet: Fleet, name: str, release: Release
) -> None:
    run = fleet.lost(name)["take_over"]
    assert run["result"] == 12
    counted = Counter(event_types(release, run))
    assert (counted["ActivityCompleted"], counted["TimerFired"]) == (2, 1)


def test_an_activity_of_a_killed_worker_is_taken_by_another(fleet: Fleet, name: str) -> None:
    run = fleet.lost(name)["abandon"]
    # A lost worker is no failure of the activity: it is offered again even without a policy.
    assert run["result"] == 2
