"""Runs the programs of one SDK release, in its own environment, against a running server."""

import json
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.sdk.environments import python_for
from tests.support.server_process import TOKEN, ServerProcess
from tests.support.services import wait_until

PROGRAMS = Path(__file__).parent / "programs"
PROGRAM_SECONDS_MAX = 240
# These releases insist on one protocol version; they choose it with the address (see docs).
PINNED = {"0.2.0": "/protocol/1.0", "0.4.14": "/protocol/1.0"}

Facts = dict[str, Any]


class Release:
    """One release against one server, on a task queue of its own."""

    def __init__(self, server: ServerProcess, release: str, logs: Path) -> None:
        self.server = server
        self.release = release
        self.queue = f"queue-{release}-{uuid.uuid4().hex[:8]}"
        self._python = python_for(release)
        self._logs = logs

    def drive(self) -> Facts:
        """Let a worker and a client run every program; what the client saw."""
        with self._worker("drive"):
            facts: Facts = json.loads(self._run("drive.py", self.queue))
            return facts

    def take_over(self) -> Facts:
        """Kill a worker between two steps of a workflow and let another one finish it."""
        workflow_id = f"takeover-{uuid.uuid4().hex}"
        with self._worker("first") as worker:
            run_id = self._start("takeover", workflow_id, [3])
            self._wait_for_event(workflow_id, run_id, "TimerScheduled")
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        with self._worker("second"):
            return self._finish(workflow_id, run_id)

    def abandon(self, marker: Path) -> Facts:
        """Kill a worker in the middle of an activity and let another one take the activity."""
        workflow_id = f"abandoned-{uuid.uuid4().hex}"
        with self._worker("third") as worker:
            run_id = self._start("abandoned", workflow_id, [str(marker)])
            wait_until(lambda: marker.exists() and marker.read_text() != "", "the activity holds")
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        with self._worker("fourth"):
            return self._finish(workflow_id, run_id)

    def history(self, workflow_id: str, run_id: str) -> list[Facts]:
        """The whole history of a run, as any client reads it."""
        with self.server.client() as client:
            reply = client.get(
                f"/workflows/{workflow_id}/runs/{run_id}/history", params={"page_size": 1000}
            )
            reply.raise_for_status()
            events: list[Facts] = reply.json()["events"]
            return events

    def _wait_for_event(self, workflow_id: str, run_id: str, event_type: str) -> None:
        def seen() -> bool:
            events = self.history(workflow_id, run_id)
            return any(event["event_type"] == event_type for event in events)

        wait_until(seen, f"{event_type} of {workflow_id} with {self.release}")

    def _start(self, workflow_type: str, workflow_id: str, arguments: list[Any]) -> str:
        written = json.dumps(arguments)
        return self._run("start.py", self.queue, workflow_type, workflow_id, written).strip()

    def _finish(self, workflow_id: str, run_id: str) -> Facts:
        said = json.loads(self._run("result.py", workflow_id, run_id))
        return {**said, "workflow_id": workflow_id, "run_id": run_id}

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            self._command(program, *arguments),
            capture_output=True,
            text=True,
            timeout=PROGRAM_SECONDS_MAX,
            env=_environment(),
        )
        if done.returncode != 0:
            raise AssertionError(f"{program} of {self.release} failed:\n{done.stderr[-6000:]}")
        return done.stdout

    @contextmanager
    def _worker(self, name: str) -> Iterator["subprocess.Popen[bytes]"]:
        with open(self._logs / f"worker-{self.release}-{name}.log", "wb") as log:
            worker = subprocess.Popen(
                self._command("work.py", self.queue),
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(),
            )
            try:
                yield worker
            finally:
                # A worker's own goodbye may last as long as its poll; nothing here waits for it.
                worker.kill()
                worker.wait()

    def _command(self, program: str, *arguments: str) -> list[str]:
        url = self.server.url + PINNED.get(self.release, "")
        return [str(self._python), str(PROGRAMS / program), url, TOKEN, *arguments]


def _environment() -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("DURABLE_")}
    return {**own, "PYTHONDONTWRITEBYTECODE": "1"}
