"""What the containers run, in the order of the compose file, outside of any container."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.deploy import images
from tests.support.databases import own_database
from tests.support.services import free_port, redis_url, wait_until

BIN = Path(sys.executable).parent
TOKEN = "the-token-of-the-image"
HEADERS = {
    "Authorization": f"Bearer {TOKEN}",
    "X-Durable-Workflow-Control-Plane-Version": "2",
    "X-Durable-Workflow-Protocol-Version": "1.0",
}


class Containers:
    """Runs commands with nothing but the environment that a container would have."""

    def __init__(self, database_url: str, place: Path) -> None:
        self.port = free_port()
        self.place = place
        self.url = f"http://127.0.0.1:{self.port}/api"
        self._database_url = database_url
        self._running: list[subprocess.Popen[bytes]] = []
        (place / "home").mkdir()

    def environment(self, service: str) -> dict[str, str]:
        """The image's variables, then the service's, with the addresses of this machine."""
        addresses = {
            "DATABASE_URL": self._database_url,
            "REDIS_URL": redis_url(),
            "WORKFLOW_SERVER_HOST": "127.0.0.1",
            "WORKFLOW_SERVER_PORT": str(self.port),
            "WORKFLOW_SERVER_AUTH_TOKEN": TOKEN,
            "HOME": str(self.place / "home"),
            "PATH": f"{BIN}:{os.environ['PATH']}",
        }
        given = images.ours()[service].get("environment", {})
        return {**images.environment(), **given, **addresses}

    def start(self, service: str) -> "subprocess.Popen[bytes]":
        """Run a service's command without waiting for it."""
        with open(self.place / f"{service}.log", "ab") as log:
            process = subprocess.Popen(
                images.ours()[service]["command"],
                env=self.environment(service),
                cwd=self.place / "home",
                stdout=log,
                stderr=log,
            )
        self._running.append(process)
        return process

    def probe(self) -> int:
        """The exit status of the image's health check, asked inside the API's container."""
        return subprocess.run(
            ["durable-server", "probe"],
            env=self.environment("api"),
            capture_output=True,
            cwd=self.place / "home",
        ).returncode

    def log(self, service: str) -> str:
        """What a service has written."""
        return (self.place / f"{service}.log").read_text()

    def stop(self) -> list[int]:
        """End what still runs as a container engine would; the exit statuses."""
        for process in self._running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        return [process.wait(15) for process in self._running]


@pytest.fixture
def containers(tmp_path: Path) -> Iterator[Containers]:
    with own_database("postgresql", tmp_path) as url:
        started = Containers(url, tmp_path)
        yield started
        started.stop()


def test_the_start_up_path_leads_to_a_server_that_runs_workflows(containers: Containers) -> None:
    assert containers.probe() == 1

    both = [containers.start("bootstrap"), containers.start("bootstrap")]
    assert [process.wait(60) for process in both] == [0, 0]
    assert containers.start("bootstrap").wait(60) == 0

    containers.start("api")
    containers.start("maintenance")
    wait_until(lambda: containers.probe() == 0, "the API is healthy")
    wait_until(lambda: "passes run" in containers.log("maintenance"), "the passes run")

    with httpx.Client(base_url=containers.url, headers=HEADERS, timeout=30) as client:
        assert a_timer_fires(client) == ["StartAccepted", "WorkflowStarted", "TimerScheduled"]

    assert list((containers.place / "home").iterdir()) == []
    assert containers.stop()[-2:] == [0, 0]
    assert TOKEN not in containers.log("api") + containers.log("maintenance")


def a_timer_fires(client: httpx.Client) -> list[str]:
    """Let the passes of another process fire a timer; gives the events before it."""
    queue = {"worker_id": "w", "task_queue": "q"}
    registered = {**queue, "runtime": "python", "supported_workflow_types": ["nap"]}
    assert client.post("/worker/register", json=registered).status_code < 300
    started = client.post("/workflows", json={"workflow_type": "nap", "task_queue": "q"}).json()
    task = client.post("/worker/workflow-tasks/poll", json=queue).json()["task"]
    report = {
        "lease_owner": "w",
        "workflow_task_attempt": task["workflow_task_attempt"],
        "commands": [{"type": "start_timer", "delay_seconds": 1}],
    }
    path = f"/worker/workflow-tasks/{task['task_id']}/complete"
    assert client.post(path, json=report).status_code == 200
    woken = client.post("/worker/workflow-tasks/poll", json=queue).json()["task"]
    assert woken["run_id"] == started["run_id"]
    events = [event["event_type"] for event in woken["history_events"]]
    assert events[3] == "TimerFired"
    return events[:3]


def test_a_server_before_the_bootstrap_says_that_it_is_not_ready(containers: Containers) -> None:
    containers.start("api")
    health = f"{containers.url}/health"
    wait_until(lambda: answers(health), "the API answers")

    ready = httpx.get(f"{containers.url}/ready")
    refused = httpx.post(f"{containers.url}/workflows", headers=HEADERS, json={})

    assert ready.status_code == 503
    assert ready.json()["checks"]["migrations"]["status"] == "missing"
    assert refused.status_code == 503
    assert "not migrated" in containers.log("api")
    assert containers.probe() == 1


def test_the_passes_wait_for_the_bootstrap(containers: Containers) -> None:
    early = containers.start("maintenance")
    wait_until(lambda: "not migrated" in containers.log("maintenance"), "the passes wait")
    assert early.poll() is None

    assert containers.start("bootstrap").wait(60) == 0
    containers.start("api")
    wait_until(lambda: containers.probe() == 0, "the API is healthy")

    with httpx.Client(base_url=containers.url, headers=HEADERS, timeout=30) as client:
        assert len(a_timer_fires(client)) == 3


def test_a_bootstrap_without_a_database_gives_up_and_says_so(containers: Containers) -> None:
    given = {
        **containers.environment("bootstrap"),
        "DATABASE_URL": f"postgresql://nobody@127.0.0.1:{free_port()}/none",
        "WORKFLOW_SERVER_BOOTSTRAP_RETRIES": "1",
        "WORKFLOW_SERVER_BOOTSTRAP_DELAY_SECONDS": "0",
    }

    done = subprocess.run(["server-bootstrap"], env=given, capture_output=True, text=True)

    assert done.returncode == 1
    assert "cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code < 600
    except httpx.TransportError:
        return False
