"""The proxy in a process of its own, and what its report says of the requests sent through it."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).parent / "durable-conformance"
STOP_SECONDS_MAX = 20


@dataclass
class Proxy:
    """A running proxy; after `stop` its exit status, its words and the lines of its report."""

    url: str
    process: "subprocess.Popen[str]"
    report: Path
    status: int | None = None
    said: str = ""
    lines: list[dict[str, Any]] = field(default_factory=list)

    def stop(self) -> None:
        """Ask it to end, and read what it wrote."""
        if self.status is None:
            self.process.send_signal(signal.SIGTERM)
            self.wait()

    def wait(self) -> None:
        """Wait until it has ended by itself, and read what it wrote."""
        self.said = self.process.communicate(timeout=STOP_SECONDS_MAX)[0]
        self.status = self.process.returncode
        self.lines = [json.loads(line) for line in self.report.read_text().splitlines()]

    @property
    def footer(self) -> dict[str, Any]:
        """The sums."""
        return self.lines[-1]

    def of(self, number: int) -> list[dict[str, Any]]:
        """What was found in one exchange, counted from 1."""
        return [
            line
            for line in self.lines
            if line["kind"] == "violation" and line["exchange"]["number"] == number
        ]


@contextmanager
def proxying(upstream: str, folder: Path, *more: str) -> Iterator[Proxy]:
    """A proxy in front of an address, on any free port."""
    report = folder / "proxy.jsonl"
    words = [str(PROGRAM), "proxy", "--upstream", upstream, "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(
        [*words, "--report", str(report), *more], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    proxy = Proxy(first.removeprefix("listening on ").partition(",")[0], process, report)
    try:
        yield proxy
        proxy.stop()
    finally:
        if proxy.status is None:
            process.kill()
            process.wait()
