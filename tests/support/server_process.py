"""A real `durable-server serve` in a process of its own, on a free port, with a log to read."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.support.services import free_port, wait_until

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 15
TOKEN = "secret-of-the-tests"


@dataclass
class ServerProcess:
    """One server: `start` it, `kill` it, `stop` it; the same port and database every time."""

    database_url: str
    log_path: Path
    settings: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Where the server listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "ServerProcess":
        """Start the server and return once it is ready to serve."""
        self.launch()
        self.wait_ready()
        return self

    def launch(self) -> None:
        """Start the server without waiting for it."""
        program = Path(sys.executable).parent / "durable-server"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [str(program), *self._command(), "--database", self.database_url, *self.arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(),
            )

    def wait_ready(self) -> None:
        """Return once the server says that it is ready; fail with its log when it ends first."""
        wait_until(self._ready, f"{self.url} is ready", START_SECONDS_MAX)

    def stop(self) -> int:
        """Ask the server to stop and return its exit status."""
        return self.end(signal.SIGTERM)

    def kill(self) -> None:
        """End the server without any warning."""
        self.end(signal.SIGKILL)

    def client(self, **headers: str) -> httpx.Client:
        """A client that carries the token and the control-plane version."""
        ours = {
            "Authorization": f"Bearer {TOKEN}",
            "X-Durable-Workflow-Control-Plane-Version": "2",
            **headers,
        }
        return httpx.Client(base_url=f"{self.url}/api", headers=ours, timeout=60)

    def log(self) -> str:
        """Everything the server wrote so far."""
        return self.log_path.read_text(errors="replace")

    def _command(self) -> tuple[str, ...]:
        return ("serve", "--bootstrap", "--host", "127.0.0.1", "--port", str(self.port))

    def _environment(self) -> dict[str, str]:
        families = ("WORKFLOW_", "DW_", "ACTIVITY_", "DATABASE_URL", "REDIS_URL")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(families)}
        return {**kept, "WORKFLOW_SERVER_AUTH_TOKEN": TOKEN, **self.settings}

    def _ready(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise RuntimeError(f"the server ended before it was ready:\n{self.log()[-4000:]}")
        try:
            return httpx.get(f"{self.url}/api/ready", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def end(self, how: int) -> int:
        """End the server with a signal and return its exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(how)
        try:
            return self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self.process = None


class MaintenanceProcess(ServerProcess):
    """A `durable-server maintain` beside servers; nothing listens, so nobody can wait for it."""

    def _command(self) -> tuple[str, ...]:
        return ("maintain",)
