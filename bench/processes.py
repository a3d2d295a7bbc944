"""Servers in processes of their own, with the CPU time and memory that they and a database use."""

import contextlib
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import urlopen

import psutil
import psycopg2

from tests.support.services import free_port, postgres_url

READY_SECONDS_MAX = 30


@dataclass
class Measured:
    """A running server, and the database it uses."""

    process: psutil.Process
    port: int
    database_url: str
    ready_seconds: float

    def cpu_seconds(self) -> float:
        """CPU time of the server, and of the PostgreSQL backends of its database, so far."""
        total = sum(self.process.cpu_times()[:2])
        for pid in self._backends():
            with contextlib.suppress(psutil.Error):
                total += sum(psutil.Process(pid).cpu_times()[:2])
        return total

    def resident_megabytes(self) -> float:
        """Resident memory of the server process."""
        return float(self.process.memory_info().rss) / 1_000_000

    def transactions(self) -> int:
        """Transactions that the database has carried out so far; PostgreSQL only."""
        row = self._ask(
            "SELECT pg_stat_clear_snapshot(), xact_commit + xact_rollback FROM pg_stat_database"
            " WHERE datname = current_database()"
        )
        return int(row[0][1])

    def _backends(self) -> list[int]:
        if not self.database_url.startswith("postgresql"):
            return []
        rows = self._ask(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
        return [pid for (pid,) in rows]

    def _ask(self, sql: str) -> list[tuple[int, ...]]:
        connection = psycopg2.connect(self.database_url)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                rows: list[tuple[int, ...]] = cursor.fetchall()
                return rows
        finally:
            connection.close()


@contextlib.contextmanager
def database(kind: str) -> Iterator[str]:
    """The URL of a fresh database of this kind (sqlite or postgresql), dropped afterwards."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/bench.sqlite"
        return
    base, name = postgres_url(), f"bench_{secrets.token_hex(4)}"
    connection = psycopg2.connect(base)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        yield urlparse(base)._replace(path=f"/{name}").geturl()
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
    connection.close()


@contextlib.contextmanager
def server(database_url: str, variant: str = "server", **settings: str) -> Iterator[Measured]:
    """A ready server (`server`) or the naive variant (`naive`), stopped afterwards."""
    port = free_port()
    if variant == "naive":
        command = [sys.executable, "-m", "bench.naive", str(port), database_url]
        probe = "/api/workflows"
    else:
        program = str(Path(sys.executable).parent / "durable-server")
        command = [program, "serve", "--bootstrap", "--host", "127.0.0.1", "--port", str(port)]
        command += ["--database", database_url]
        probe = "/api/ready"
    environment = {
        **os.environ,
        "WORKFLOW_SERVER_AUTH_DRIVER": "none",
        "WORKFLOW_SERVER_LOG_LEVEL": "error",
        **settings,
    }
    begun = time.perf_counter()
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_ready(f"http://127.0.0.1:{port}{probe}", process)
            ready = time.perf_counter() - begun
            yield Measured(psutil.Process(process.pid), port, database_url, ready)
        finally:
            process.terminate()


def _wait_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with status {process.returncode}")
        try:
            with urlopen(url, timeout=2):
                return
        except OSError as error:
            if getattr(error, "code", None) is not None:
                return
            time.sleep(0.02)
    raise RuntimeError(f"{url} did not answer in time")
