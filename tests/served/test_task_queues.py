"""Limits, builds and workers over HTTP: two server processes on one PostgreSQL, and the SDK."""

import json
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg2
import pytest

from tests.sdk.environments import python_for
from tests.support.databases import own_database
from tests.support.server_process import ServerProcess
from tests.support.services import wait_until

LEASES, WORKFLOWS, WORKERS = 3, 24, 6
HEADERS = {
    "X-Durable-Workflow-Control-Plane-Version": "2",
    "X-Durable-Workflow-Protocol-Version": "1.20",
}
LIMITS = {"default:capped": {"workflow_tasks": {"max_active_leases": LEASES}}}
SETTINGS = {
    "WORKFLOW_SERVER_AUTH_DRIVER": "none",
    "WORKFLOW_SERVER_TASK_QUEUE_ADMISSION_OVERRIDES": json.dumps(LIMITS),
}
PROGRAM = """
import asyncio, sys
from durable_workflow import Client

async def main(url):
    client = Client(url, token="any")
    listed = await client.list_task_queues()
    assert "sdk" in [queue.name for queue in listed.task_queues]
    queue = await client.describe_task_queue("sdk")
    assert [poller["worker_id"] for poller in queue.pollers] == ["sdk-1"]
    assert queue.admission.workflow_tasks.status == "accepting"
    assert (await client.drain_task_queue_build_id("sdk", "one")).drain_intent == "draining"
    assert (await client.describe_worker("sdk-1")).status == "draining"
    assert (await client.resume_task_queue_build_id("sdk", "one")).drained_at is None
    assert (await client.promote_task_queue_build_id("sdk", "one")).new_start_selected
    [build] = (await client.list_task_queue_build_ids("sdk")).build_ids
    assert (build.build_id, build.rollout_status) == ("one", "active") and build.new_start_selected
    assert "sdk-1" in [worker.worker_id for worker in (await client.list_workers()).workers]
    assert (await client.deregister_worker("sdk-1"))["outcome"] == "deregistered"

asyncio.run(main(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with own_database("postgresql", tmp_path_factory.mktemp("queues")) as url:
        yield url


@pytest.fixture(scope="module")
def servers(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[httpx.Client]]:
    """Two server processes on one database."""
    log = tmp_path_factory.mktemp("servers") / "server.log"
    processes = [ServerProcess(database_url, log, SETTINGS) for _ in range(2)]
    for process in processes:
        process.start()
    clients = [httpx.Client(base_url=p.url, headers=HEADERS, timeout=60) for p in processes]
    yield clients
    for client in clients:
        client.close()
    for process in processes:
        process.stop()


def ask(server: httpx.Client, method: str, path: str, body: Any = None) -> Any:
    answer = server.request(method, f"/api/{path}", json=body)
    assert answer.is_success, answer.text
    return answer.json()


def register(server: httpx.Client, queue: str, name: str, build_id: str | None = None) -> None:
    body = {"worker_id": name, "task_queue": queue, "runtime": "python", "build_id": build_id}
    ask(server, "POST", "worker/register", body)


def start(server: httpx.Client, queue: str, count: int) -> None:
    for number in range(count):
        body = {"workflow_id": f"{queue}-{number}", "workflow_type": "order", "task_queue": queue}
        ask(server, "POST", "workflows", body)


def poll(server: httpx.Client, queue: str, name: str, seconds: int) -> Any:
    body = {"worker_id": name, "task_queue": queue, "timeout_seconds": seconds}
    return ask(server, "POST", "worker/workflow-tasks/poll", body)


def finish(server: httpx.Client, task: Any) -> None:
    body = {
        "lease_owner": task["lease_owner"],
        "workflow_task_attempt": task["workflow_task_attempt"],
        "commands": [{"type": "complete_workflow"}],
    }
    ask(server, "POST", f"worker/workflow-tasks/{task['task_id']}/complete", body)


def test_two_processes_together_pass_no_limit(
    servers: list[httpx.Client], database_url: str
) -> None:
    most, left, stop = [0], [WORKFLOWS], threading.Event()

    def watch() -> None:
        with psycopg2.connect(database_url) as connection, connection.cursor() as cursor:
            while not stop.is_set():
                cursor.execute(
                    "SELECT count(*) FROM tasks WHERE task_queue = 'capped' AND status = 'leased'"
                )
                most[0] = max(most[0], cursor.fetchone()[0])
                connection.commit()

    def work(number: int) -> None:
        server, name = servers[number % 2], f"capped-{number}"
        while left[0] > 0:
            task = poll(server, "capped", name, 1)["task"]
            if task is not None:
                finish(servers[(number + 1) % 2], task)
                left[0] -= 1

    for number in range(WORKERS):
        register(servers[0], "capped", f"capped-{number}")
    threads = [threading.Thread(target=work, args=(number,)) for number in range(WORKERS)]
    watcher = threading.Thread(target=watch)
    for thread in (watcher, *threads):
        thread.start()
    start(servers[0], "capped", WORKFLOWS)
    for thread in threads:
        thread.join(60)
    stop.set()
    watcher.join(10)
    assert left[0] == 0
    assert 0 < most[0] <= LEASES
    admission = ask(servers[1], "GET", "task-queues/capped")["admission"]["workflow_tasks"]
    assert admission["server_remaining_active_lease_capacity"] == LEASES


def test_a_build_that_is_drained_under_load_gets_nothing_from_any_process(
    servers: list[httpx.Client],
) -> None:
    register(servers[0], "rolled", "old", "one")
    register(servers[0], "rolled", "new", "two")
    parked: list[Any] = []
    waiting = threading.Thread(target=lambda: parked.append(poll(servers[1], "rolled", "old", 30)))
    waiting.start()

    ask(servers[0], "POST", "task-queues/rolled/build-ids/drain", {"build_id": "one"})
    waiting.join(20)
    assert parked == [{**parked[0], "task": None, "poll_status": "draining"}]
    start(servers[1], "rolled", 10)
    for server in servers:
        wait_until(
            lambda server=server: poll(server, "rolled", "old", 0)["poll_status"] == "draining",
            "every process knows",
            20,
        )
    for number in range(10):
        finish(servers[0], poll(servers[number % 2], "rolled", "new", 10)["task"])
        assert poll(servers[number % 2], "rolled", "old", 0)["task"] is None


def test_a_promotion_decides_which_build_new_runs_are_for(servers: list[httpx.Client]) -> None:
    register(servers[0], "promoted", "p-old", "one")
    register(servers[0], "promoted", "p-new", "two")
    ask(servers[0], "POST", "task-queues/promoted/build-ids/promote", {"build_id": "two"})
    start(servers[0], "promoted", 3)
    assert poll(servers[1], "promoted", "p-old", 0)["task"] is None
    for _ in range(3):
        assert poll(servers[1], "promoted", "p-new", 10)["task"]["compatibility"] == "two"


def test_a_worker_that_is_removed_stops_being_served_by_any_process(
    servers: list[httpx.Client],
) -> None:
    register(servers[0], "left", "dead")
    start(servers[0], "left", 1)
    lost = poll(servers[1], "left", "dead", 10)["task"]["task_id"]
    ask(servers[0], "DELETE", "workers/dead")
    register(servers[0], "left", "alive")
    assert poll(servers[1], "left", "alive", 10)["task"]["task_id"] == lost
    body = {"worker_id": "dead", "task_queue": "left", "timeout_seconds": 0}
    for server in servers:
        wait_until(
            lambda server=server: (
                server.post("/api/worker/workflow-tasks/poll", json=body).status_code == 412
            ),
            "every process knows",
            20,
        )


def test_the_newest_sdk_release_sees_and_changes_queues_and_workers(
    servers: list[httpx.Client],
) -> None:
    register(servers[0], "sdk", "sdk-1", "one")
    command = [str(python_for("2.12.0")), "-c", PROGRAM, str(servers[0].base_url)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={})

    assert done.returncode == 0, done.stderr
