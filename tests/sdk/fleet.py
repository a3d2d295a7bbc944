"""Runs the programs of official SDK releases, each in its own environment, against one server."""

import json
import os
import subprocess
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.sdk.environments import python_for
from tests.support.server_process import TOKEN, ServerProcess

PROGRAMS = Path(__file__).parent / "programs"
PROGRAM_SECONDS_MAX = 300
# Programs of different releases at once; each is one process that works and asks.
AT_ONCE = 2
# A lost worker's task is offered again when its lease ends; the tests need not wait a minute.
LEASES = {"WORKFLOW_TASK_TIMEOUT": "5", "ACTIVITY_TASK_TIMEOUT": "15"}
HISTORY_PAGE = 1000

Facts = dict[str, Any]


def path_for(release: str) -> str:
    """Where a release that insists on one protocol version finds the server (`docs/workers.md`)."""
    numbers = tuple(int(part) for part in release.split("."))
    if numbers < (0, 4, 15):
        return "/protocol/1.0"
    if numbers < (0, 4, 22):
        return "/protocol/1.1"
    return ""


class Release:
    """One release against one server, on a task queue of its own."""

    def __init__(self, server: ServerProcess, name: str, logs: Path) -> None:
        self.name = name
        self._server = server
        self._queue = f"queue-{name}-{uuid.uuid4().hex[:8]}"
        self._logs = logs

    def drive(self) -> Facts:
        """Lose one worker, let another one carry out every capability; what the client saw."""
        marker = self._logs / f"{self.name}.held"
        orphans = self.run("doomed.py", self._queue, str(marker))
        told: Facts = json.loads(self.run("drive.py", self._queue, orphans))
        assert told["version"] == self.name
        seen: Facts = told["seen"]
        return seen

    def told(self, program: str) -> Facts:
        """What a program saw that prints it as one JSON object, on the release's own queue."""
        seen: Facts = json.loads(self.run(program, self._queue))
        return seen

    def run(self, program: str, *arguments: str) -> str:
        """What a program of this release printed."""
        url = self._server.url + path_for(self.name)
        log = self._logs / f"{self.name}-{program}.log"
        with open(log, "wb") as errors:
            done = subprocess.run(
                [str(python_for(self.name)), str(PROGRAMS / program), url, TOKEN, *arguments],
                stdout=subprocess.PIPE,
                stderr=errors,
                timeout=PROGRAM_SECONDS_MAX,
                env=environment(),
            )
        if not done.stdout:
            raise AssertionError(f"{program} of {self.name} failed:\n{log.read_text()[-6000:]}")
        return done.stdout.decode()

    def history(self, run: Facts, run_id: str | None = None) -> list[Facts]:
        """The whole history of a run, as any client reads it."""
        address = f"/workflows/{run['workflow_id']}/runs/{run_id or run['run_id']}/history"
        answer = self.get(address, page_size=HISTORY_PAGE)
        events: list[Facts] = answer["events"]
        return events

    def get(self, address: str, **parameters: Any) -> Facts:
        """What the control plane answers."""
        with self._server.client() as client:
            reply = client.get(address, params=parameters)
            reply.raise_for_status()
            answer: Facts = reply.json()
            return answer


class Fleet:
    """Every release at work on one server, some of them at the same time."""

    def __init__(self, server: ServerProcess, names: tuple[str, ...], logs: Path) -> None:
        self.releases = {name: Release(server, name, logs) for name in names}
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._seen: dict[str, Future[Facts]] = {
            name: self._pool.submit(release.drive) for name, release in self.releases.items()
        }

    def seen(self, release: str) -> Facts:
        """What the client of a release saw, for each capability."""
        return self._seen[release].result()

    def close(self) -> None:
        """Wait for whatever still runs."""
        self._pool.shutdown()


def environment() -> dict[str, str]:
    """The variables of this process without those that an SDK would read."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("DURABLE_")}
    for foreign in ("PYTHONPATH", "PYTHONHOME"):
        own.pop(foreign, None)
    return {**own, "PYTHONDONTWRITEBYTECODE": "1"}
