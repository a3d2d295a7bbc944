"""Two servers and two maintenance processes on one database, of which any may end at any moment.

Schedules start a workflow for each second; other workflows sleep twice. Workers carry all of them
out, at whichever server answers.
"""

import itertools
import random
import signal
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.kill.workload import COMPLETE, LOST, WORKER_HEADERS
from tests.support.server_process import MaintenanceProcess, ServerProcess

SETTINGS = {
    "WORKFLOW_TASK_TIMEOUT": "2",
    "WORKFLOW_SERVER_WORKER_POLL_TIMEOUT": "1",
    "WORKFLOW_SERVER_LOG_LEVEL": "warning",
}
QUEUE = "restarted"
NAPS = 2
NAP_SECONDS_MAX = 3
WORKERS_PER_SERVER = 2
SIGNALS = (signal.SIGKILL, signal.SIGTERM)


@dataclass
class Cluster:
    """The processes; `restart` ends one of them and starts it again."""

    servers: list[ServerProcess]
    maintenance: list[ServerProcess]

    @classmethod
    def on(cls, url: str, folder: Path) -> "Cluster":
        """Two and two, started; only the maintenance processes run passes."""
        apart = {**SETTINGS, "WORKFLOW_SERVER_MAINTENANCE": "false"}
        servers = [ServerProcess(url, folder / f"server{number}.log", apart) for number in (1, 2)]
        others = [
            MaintenanceProcess(url, folder / f"maintenance{number}.log", SETTINGS)
            for number in (1, 2)
        ]
        # The first one prepares the database.
        servers[0].start()
        for process in (servers[1], *others):
            process.launch()
        servers[1].wait_ready()
        return cls(servers, others)

    @property
    def processes(self) -> list[ServerProcess]:
        """All of them."""
        return [*self.servers, *self.maintenance]

    def restart(self, chance: random.Random) -> None:
        """End one process, by a kill or by request, and start it again."""
        process = chance.choice(self.processes)
        process.end(chance.choice(SIGNALS))
        process.launch()

    def stop(self) -> None:
        """End all of them."""
        for process in self.processes:
            process.end(signal.SIGTERM)

    def log(self) -> str:
        """What all of them wrote."""
        return "".join(process.log() for process in self.processes)


class Clients:
    """Requests that go on at another server when one does not answer; safe from any thread."""

    def __init__(self, servers: list[ServerProcess]) -> None:
        self._clients = [server.client(**WORKER_HEADERS) for server in servers]
        self._turns = itertools.count()

    def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """The first answer that is none of an overloaded or ending server."""
        pause = threading.Event()
        while True:
            client = self._clients[next(self._turns) % len(self._clients)]
            try:
                reply = client.request(method, path, json=body)
            except httpx.TransportError:
                pause.wait(0.02)
                continue
            if reply.status_code != 503:
                return reply
            pause.wait(0.02)

    def get(self, path: str) -> Any:
        """What a request answers that must succeed."""
        reply = self.send("GET", path)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def pages(self, path: str, name: str) -> list[Any]:
        """The items of all pages of a list."""
        found: list[Any] = []
        token = ""
        while True:
            page = self.get(f"{path}&page_size=200{token}")
            found += page[name]
            if not page["next_page_token"]:
                return found
            token = f"&next_page_token={page['next_page_token']}"

    def close(self) -> None:
        """End the connections."""
        for client in self._clients:
            client.close()


class Workers:
    """Threads that poll and complete workflow tasks until they are ended."""

    def __init__(self, clients: Clients) -> None:
        self.surprises: list[str] = []
        self._clients = clients
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(f"w{number}",), daemon=True)
            for number in range(2 * WORKERS_PER_SERVER)
        ]

    def begin(self) -> None:
        """Register, and start."""
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Stop, and wait until every thread has."""
        self._stopping.set()
        for thread in self._threads:
            if not thread.ident:
                continue
            thread.join(30)
            assert not thread.is_alive(), "a worker hangs"

    def _work(self, worker_id: str) -> None:
        place = {"worker_id": worker_id, "task_queue": QUEUE}
        self._clients.send("POST", "/worker/register", {**place, "runtime": "python"})
        while not self._stopping.is_set():
            reply = self._clients.send("POST", "/worker/workflow-tasks/poll", place)
            task = reply.json().get("task")
            if reply.status_code != 200:
                self.surprises.append(reply.text)
            elif task is not None:
                self._complete(task)

    def _complete(self, task: dict[str, Any]) -> None:
        body = {
            "lease_owner": task["lease_owner"],
            "workflow_task_attempt": task["workflow_task_attempt"],
            "commands": next_commands(task),
        }
        path = f"/worker/workflow-tasks/{task['task_id']}/complete"
        reply = self._clients.send("POST", path, body)
        if not reply.is_success and reply.json().get("reason") not in LOST:
            self.surprises.append(reply.text)


def next_commands(task: dict[str, Any]) -> list[dict[str, Any]]:
    """What the code of the workflow does after this history."""
    types = [event["event_type"] for event in task["history_events"]]
    if task["workflow_type"] == "tick" or types.count("TimerFired") == NAPS:
        return [COMPLETE]
    # By the id, so that it is the same again for the same task.
    seconds = int(task["task_id"][-2:], 16) % (NAP_SECONDS_MAX + 1)
    return [{"type": "start_timer", "delay_seconds": seconds}]
