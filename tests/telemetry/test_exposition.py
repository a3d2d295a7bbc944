"""What /metrics says after work was done, on both databases, and who may read it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from durable_contracts import bundle

from tests.http.asking import TOKENS, Asker, asking
from tests.support.services import wait_until
from tests.telemetry.reading import Scraped

RUNS = 3
# How Prometheus wants names to end: what is counted, or the base unit of what is measured.
UNITS = ("_total", "_seconds", "_bytes", "_items", "_tasks", "_info", "_polls", "_connected")
FOREIGN = ("process_",)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def asker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Asker]:
    with asking(request.param, tmp_path_factory.mktemp("metrics"), metrics_labels_max=4) as started:
        work(started)
        yield started


@pytest.fixture(scope="module")
def scraped(asker: Asker) -> Scraped:
    # A lane answers its requests before it counts what it has done.
    def counted() -> bool:
        found = scrape(asker).sum("durable_runs_started_total", namespace="default")
        return bool(found == RUNS + 2 + 8)

    wait_until(counted, "every start is counted")
    return scrape(asker)


def scrape(asker: Asker, **headers: str) -> Scraped:
    answer = asker.ask("GET", "/metrics", headers=headers)
    assert answer.status == 200, answer.raw
    return Scraped(answer.unpacked().decode())


def start(asker: Asker, queue: str = "q", **more: Any) -> Any:
    body = {"workflow_type": "order", "task_queue": queue, **more}
    return asker.ask("POST", "/api/workflows", body)


def poll(asker: Asker) -> Any:
    asked = {"worker_id": "w", "task_queue": "q", "timeout_seconds": 0}
    return asker.ask("POST", "/api/worker/workflow-tasks/poll", asked).body["task"]


def work(asker: Asker) -> None:
    """Runs that start and complete, one that waits, one refused twice, and queues in plenty."""
    asker.ask(
        "POST", "/api/worker/register", {"worker_id": "w", "task_queue": "q", "runtime": "python"}
    )
    for number in range(RUNS):
        assert start(asker, workflow_id=f"customer-{number}").status == 201
        task = poll(asker)
        held = {"lease_owner": "w", "workflow_task_attempt": task["workflow_task_attempt"]}
        path = f"/api/worker/workflow-tasks/{task['task_id']}/complete"
        done = {**held, "commands": [{"type": "complete_workflow"}]}
        assert asker.ask("POST", path, done).status == 200
    start(asker, "idle")
    for _ in range(2):
        start(asker, "idle", workflow_id="twice")
    asker.ask("GET", "/api/workflows/customer-unknown")
    for number in range(8):
        start(asker, f"many-{number}")


def test_requests_are_counted_and_measured(scraped: Scraped) -> None:
    started = scraped.sum("durable_request_seconds_count", operation="workflows.start")
    refused = {"operation": "workflows.start", "status_class": "4xx"}

    assert started == RUNS + 3 + 8
    assert scraped.sum("durable_request_seconds_count", **refused) == 1
    assert scraped.sum("durable_request_seconds_sum") > 0


def test_refusals_are_counted_by_reason(scraped: Scraped) -> None:
    assert scraped.sum("durable_refusals_total", operation="workflows.describe") == 1
    assert scraped.sum("durable_refusals_total", operation="workflows.start") == 1
    assert "other" not in scraped.values("reason")


def test_runs_and_tasks_are_counted(scraped: Scraped) -> None:
    in_default = {"namespace": "default"}
    waited = "durable_task_schedule_to_start_seconds_count"

    assert scraped.sum("durable_runs_started_total", **in_default) == RUNS + 2 + 8
    assert scraped.sum("durable_runs_closed_total", status="completed", **in_default) == RUNS
    assert scraped.sum("durable_tasks_handed_total", task_queue="q", how="claimed") == RUNS
    assert scraped.sum(waited, task_queue="q", kind="workflow") == RUNS


def test_what_waits_is_told_queue_by_queue_up_to_the_bound(scraped: Scraped) -> None:
    backlog = scraped.families["durable_backlog_tasks"].samples

    assert scraped.sum("durable_backlog_tasks", task_queue="idle", kind="workflow") == 2
    assert sum(each.value for each in backlog) == 2 + 8
    assert len(backlog) == 4 + 1
    assert scraped.sum("durable_backlog_tasks", namespace="other", task_queue="other") == 5


def test_lanes_and_batches_are_told(scraped: Scraped, asker: Asker) -> None:
    lanes = {lane.name for lane in asker.server.lanes.lanes}

    assert {s.labels["lane"] for s in scraped.families["durable_lane_queue_items"].samples} == lanes
    assert scraped.sum("durable_lane_batch_items_sum") >= RUNS * 3
    assert scraped.sum("durable_lane_commit_seconds_count") > 0


def test_server_and_process_are_told(scraped: Scraped, asker: Asker) -> None:
    assert scraped.sum("durable_build_info", database=asker.server.store.kind) == 1
    assert scraped.sum("durable_database_ready") == 1
    assert scraped.sum("process_resident_memory_bytes") > 1_000_000
    assert scraped.sum("process_cpu_seconds_total") > 0


def test_names_are_as_prometheus_wants_them(scraped: Scraped) -> None:
    for family in scraped.families.values():
        name = family.name + ("_total" if family.type == "counter" else "")
        assert family.documentation, name
        assert name.startswith(("durable_", *FOREIGN)), name
        assert name.endswith(UNITS) or name in NAMED_OTHERWISE, name


NAMED_OTHERWISE = {"durable_database_ready", "process_open_fds", "process_max_fds"}


def test_no_label_holds_what_clients_make_up(scraped: Scraped, asker: Asker) -> None:
    operations = {each.operation_id for each in bundle.operations()} | {"none"}
    every = {value for each in scraped.samples for value in each.labels.values()}

    assert scraped.values("operation") <= operations
    assert not [value for value in every if re.search(r"customer|[0-9a-f]{8}-|[0-9a-f]{16}", value)]
    assert scraped.values("task_queue") <= {"q", "idle", "other", *(f"many-{n}" for n in range(8))}


def test_an_operation_that_does_not_exist_has_no_label_of_its_own(asker: Asker) -> None:
    asker.ask("GET", "/api/no-such-route/customer-1")

    assert scrape(asker).sum("durable_refusals_total", operation="none", reason="not_found") >= 1


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    settings: dict[str, Any] = {f"{role}_token": token for role, token in TOKENS.items()}
    with asking(
        "sqlite", tmp_path_factory.mktemp("guarded"), auth_driver="token", **settings
    ) as one:
        yield one


@pytest.mark.parametrize(
    ("token", "status"),
    [
        (None, 401),
        ("wrong", 401),
        (TOKENS["worker"], 403),
        (TOKENS["operator"], 200),
        (TOKENS["admin"], 200),
    ],
)
def test_with_credentials_set_metrics_are_for_operators(
    guarded: Asker, token: str | None, status: int
) -> None:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    answer = guarded.ask("GET", "/metrics", headers=headers)

    assert answer.status == status
    assert (b"durable_build_info" in answer.unpacked()) == (status == 200)


@pytest.mark.parametrize(("access", "status"), [("everybody", 200), ("nobody", 404)])
def test_a_setting_decides_who_reads_metrics(tmp_path: Path, access: str, status: int) -> None:
    keys = {"auth_driver": "token", "admin_token": "known"}
    with asking("sqlite", tmp_path, metrics_access=access, **keys) as asker:
        headers = {} if access == "everybody" else {"Authorization": "Bearer known"}
        assert asker.ask("GET", "/metrics", headers=headers).status == status
        assert asker.ask("GET", "/api/namespaces").status == 401
