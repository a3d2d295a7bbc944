"""A database that does not answer is an outage, said with 503, and over when it answers again."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
from durable_server import app
from durable_server.config import Settings
from durable_server.store import migrate

from tests.http.asking import CONTROL, WORKER, Asker, asking
from tests.support.databases import own_database
from tests.support.services import postgres_url, wait_until


@pytest.fixture
def asker(tmp_path: Path) -> Iterator[Asker]:
    with asking("postgresql", tmp_path) as started:
        yield started


def _admit(asker: Asker, admitted: bool) -> None:
    """Let the database take connections or not; those that are open are cut."""
    name = urlsplit(asker.server.settings.database_url).path[1:]
    connection = psycopg2.connect(postgres_url())
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {admitted}')
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
    connection.close()


READS = (
    ("GET", "/api/workflows", None),
    ("GET", "/api/workflows/order-1", None),
    ("GET", "/api/workflows/order-1/runs", None),
    ("GET", "/api/namespaces", None),
    ("POST", "/api/worker/workflow-tasks/poll", {"worker_id": "w", "task_queue": "q"}),
    ("POST", "/api/worker/heartbeat", {"worker_id": "w"}),
)


@pytest.mark.parametrize(("method", "path", "body"), READS)
def test_a_read_that_the_database_does_not_answer_is_a_503(
    asker: Asker, method: str, path: str, body: object
) -> None:
    before = asker.ask(method, path, body)
    assert before.status < 500
    _admit(asker, False)

    answer = asker.ask(method, path, body)

    assert (answer.status, answer.body["reason"]) == (503, "store_busy")
    assert int(answer.headers["retry-after"]) >= 1
    _admit(asker, True)
    assert asker.ask(method, path, body).status == before.status


def test_a_write_that_the_database_does_not_take_is_a_503_and_leaves_nothing(asker: Asker) -> None:
    start = {"workflow_type": "order", "workflow_id": "order-1"}
    assert asker.ask("GET", "/api/workflows/order-1").status == 404
    _admit(asker, False)

    answer = asker.ask("POST", "/api/workflows", start)

    assert (answer.status, answer.body["reason"]) == (503, "store_busy")
    assert "retry-after" in answer.headers
    _admit(asker, True)
    assert asker.ask("GET", "/api/workflows/order-1").status == 404
    assert asker.ask("POST", "/api/workflows", start).status == 201


def test_a_cut_connection_is_made_anew_without_anybody_noticing(asker: Asker) -> None:
    assert asker.ask("GET", "/api/workflows").status == 200
    _admit(asker, True)

    answers = [asker.ask("GET", "/api/workflows").status for _ in range(8)]

    assert answers == [200] * 8
    assert asker.ask("POST", "/api/workflows", {"workflow_type": "order"}).status == 201


def test_health_and_ready_say_that_the_database_is_away(asker: Asker) -> None:
    _admit(asker, False)

    health, ready = asker.ask("GET", "/api/health"), asker.ask("GET", "/api/ready")

    assert (health.status, health.body["status"]) == (503, "degraded")
    assert (ready.status, ready.body["status"]) == (503, "not_ready")
    assert ready.body["checks"]["database"]["status"] == "unavailable"
    assert ready.body["checks"]["default_namespace"]["status"] == "unavailable"
    _admit(asker, True)
    assert asker.ask("GET", "/api/ready").status == 200


def test_ready_tells_what_the_database_can_do(asker: Asker) -> None:
    checks = asker.ask("GET", "/api/ready").body["checks"]

    assert checks["database"]["dialect"] == "postgresql"
    assert checks["database"]["capabilities"]["listen_notify"] is True
    assert checks["database"]["capabilities"]["skip_locked"] is True


def test_ready_tells_whether_wakes_come_in(asker: Asker) -> None:
    def says_cut_off() -> bool:
        return not asker.ask("GET", "/api/ready").body["checks"]["cache"]["connected"]

    wait_until(lambda: not says_cut_off(), "wakes are connected")
    assert asker.ask("GET", "/api/ready").body["checks"]["cache"]["store"] == "postgresql"

    _admit(asker, False)
    wait_until(says_cut_off, "wakes are cut off")
    _admit(asker, True)
    wait_until(lambda: not says_cut_off(), "wakes are connected again")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_an_unmigrated_database_is_served_once_it_is_migrated(kind: str, tmp_path: Path) -> None:
    with own_database(kind, tmp_path) as url:
        settings = Settings(database_url=url, auth_driver="none")
        server = app.build_server(settings)
        app.start(server)
        asker = Asker(server, app.build_asgi(server), {CONTROL: "2", WORKER: "1.20"})
        try:
            early = asker.ask("GET", "/api/ready").body["checks"]["migrations"]
            refused = asker.ask("GET", "/api/workflows")
            migrate.bootstrap(server.store, settings)
            wait_until(lambda: asker.ask("GET", "/api/ready").status == 200, "it is ready")
            served = asker.ask("GET", "/api/workflows")
        finally:
            app.stop(server)
            asker.runner.close()

    assert (early["status"], early["pending"]) == ("missing", migrate.known())
    assert (refused.status, refused.body["reason"]) == (503, "database_not_ready")
    assert "retry-after" in refused.headers
    assert served.status == 200


@pytest.mark.parametrize("kind", ["workflow-tasks", "activity-tasks"])
def test_a_poll_too_many_is_told_to_come_back(tmp_path: Path, kind: str) -> None:
    with asking("sqlite", tmp_path, parked_polls_max=0) as full:
        worker = {"worker_id": "w", "task_queue": "q"}
        full.ask("POST", "/api/worker/register", {**worker, "runtime": "python"})
        answer = full.ask("POST", f"/api/worker/{kind}/poll", worker)

    assert (answer.status, answer.body["reason"]) == (429, "too_many_polls")
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.body["protocol_version"] == "1.20"


def test_a_full_lane_is_told_to_come_back(tmp_path: Path) -> None:
    with asking("sqlite", tmp_path, lane_queue_max=0) as full:
        answer = full.ask("POST", "/api/workflows", {"workflow_type": "order"})

    assert (answer.status, answer.body["reason"]) == (503, "lane_full")
    assert int(answer.headers["retry-after"]) >= 1


def test_a_server_that_ends_says_so(tmp_path: Path) -> None:
    with asking("sqlite", tmp_path) as ending:
        worker = {"worker_id": "w", "task_queue": "q"}
        ending.ask("POST", "/api/worker/register", {**worker, "runtime": "python"})
        ending.server.withdraw_waiting()
        answer = ending.ask("POST", "/api/worker/workflow-tasks/poll", worker)

    assert (answer.status, answer.body["reason"]) == (503, "shutting_down")
    assert "retry-after" in answer.headers
