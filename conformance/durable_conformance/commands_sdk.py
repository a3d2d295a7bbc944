"""`durable-conformance sdk`: judge the workers of an SDK by what they answer to prepared tasks."""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Annotated, Any

import typer
from durable_contracts.defect import Defect

from durable_conformance.options import File, taking
from durable_conformance.report import jsonl, junit, markdown
from durable_conformance.report.record import Circumstances, Record, record_of
from durable_conformance.runner import Result
from durable_conformance.scenario import Scenario
from durable_conformance.sdk.case import Case, cases
from durable_conformance.sdk.court import Court
from durable_conformance.sdk.play import judge
from durable_conformance.sdk.service import Service, cluster_info
from durable_conformance.target import Target
from durable_conformance.verdict import Undecided, Verdict

UNDECIDED = 2
REQUESTS = "sdk/requests"
Words = list[str] | None
Number = int | None


@dataclass(frozen=True)
class Flags:
    """What the caller of `sdk` asks for."""

    command: Annotated[
        Words, typer.Argument(help="After --: a worker; {url} and {queue} in it are filled in.")
    ] = None
    listen: Annotated[str, typer.Option(help="HOST:PORT; port 0 takes any.")] = "127.0.0.1:8091"
    queue: Annotated[str, typer.Option(help="Task queue of the worker.")] = "judge"
    seed: Annotated[Number, typer.Option(help="Have things go wrong, as this number decides.")] = (
        None
    )
    only: Annotated[str, typer.Option(help="Only cases whose id fits this glob.")] = "*"
    wait: Annotated[float, typer.Option(min=1, help="Seconds for each answer.")] = 15.0
    worker_seconds: Annotated[
        float, typer.Option(min=1, help="Seconds for the worker to register.")
    ] = 60.0
    jsonl: Annotated[File, typer.Option(help="Write the report as JSON lines.")] = None
    junit: Annotated[File, typer.Option(help="Write the report as JUnit XML.")] = None
    markdown: Annotated[File, typer.Option(help="Write a summary in Markdown.")] = None

    def place(self) -> tuple[str, int]:
        """Where to listen; what cannot be understood is a bad parameter."""
        host, _, port = self.listen.rpartition(":")
        if not port.isdecimal():
            raise typer.BadParameter("--listen is HOST:PORT")
        return host or "127.0.0.1", int(port)

    def cases(self) -> list[Case]:
        """The cases that are asked for."""
        chosen = [case for case in cases() if fnmatchcase(case.id, self.only)]
        if not chosen:
            raise typer.BadParameter("--only fits no case")
        return chosen


@taking(Flags)
def sdk(flags: Flags) -> None:
    """Hand prepared tasks to workers, and judge the commands that come back.

    The worker registers the workflow types judge.*, as far as its SDK can express them. Exit
    status: 0 when no promise was broken, 1 when one was, 2 when no worker came.
    """
    chosen = flags.cases()
    try:
        with _service(*flags.place()) as service:
            typer.echo(f"workers are judged at {service.url}, task queue {flags.queue}")
            with _worker(flags.command, service.url, flags.queue):
                record = _Hearing(service.court, flags).record(chosen, service.url)
    except (Defect, Undecided, OSError) as problem:
        typer.echo(f"durable-conformance: {problem}", err=True)
        raise typer.Exit(UNDECIDED) from problem
    reports = (
        (flags.jsonl, jsonl.render),
        (flags.junit, junit.render),
        (flags.markdown, markdown.render),
    )
    for path, render in reports:
        if path is not None:
            path.write_text(render(record), encoding="utf-8")
    _summary(record)
    raise typer.Exit(record.exit_status)


class _Hearing:
    """All cases, played to whoever has registered."""

    def __init__(self, court: Court, flags: Flags) -> None:
        self._court, self._flags = court, flags

    def record(self, chosen: list[Case], url: str) -> Record:
        """Play the cases; the record of what came of them."""
        started, began, flags = _now(), time.monotonic(), self._flags
        if not self._court.wait_for_worker(self._flags.worker_seconds):
            raise Undecided("no worker has registered")
        results = []
        for case in chosen:
            result = judge(self._court, case, flags.queue, flags.seed, flags.wait)
            results.append(result)
            _echo(result)
        results.append(_requests(self._court))
        _echo(results[-1])
        target = Target(url, auth="none").knowing(_advertised(self._court))
        order = "sorted" if flags.seed is None else f"shuffled:{flags.seed}"
        seconds = round(time.monotonic() - began, 3)
        return record_of(
            results, Circumstances(target, ("sdk",), order, 1, started, _now(), seconds), {}
        )


def _requests(court: Court) -> Result:
    """The verdict on what workers asked beside their tasks: registrations, polls, heartbeats."""
    title = "what a worker says of itself keeps the contract"
    scenario = Scenario(REQUESTS, "WP-1", ("R071",), title, "sdk", (), (), "sdk")
    reason = "; ".join(court.problems[:10])
    return Result(scenario, Verdict.FAIL if reason else Verdict.PASS, reason)


def _advertised(court: Court) -> dict[str, Any]:
    spoken = sorted(set(court.protocol_versions.values()))
    versions = sorted({str(each.get("sdk_version")) for each in court.workers.values()})
    told = cluster_info(spoken[0] if spoken else "1.20")
    return {**told, "server_id": "judge", "version": ", ".join(versions)}


@contextmanager
def _service(host: str, port: int) -> Iterator[Service]:
    service = Service(host, port, Court())
    threading.Thread(target=service.serve_forever, daemon=True).start()
    try:
        yield service
    finally:
        service.court.close()
        service.shutdown()
        service.server_close()


@contextmanager
def _worker(command: list[str] | None, url: str, queue: str) -> Iterator[None]:
    if not command:
        yield
        return
    filled = [part.replace("{url}", url).replace("{queue}", queue) for part in command]
    # What is started is what the caller has written on the command line.
    process = subprocess.Popen(filled)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _echo(result: Result) -> None:
    if result.verdict not in (Verdict.PASS, Verdict.UNSUPPORTED):
        scenario = result.scenario
        typer.echo(f"{result.verdict.value:5} {scenario.id} ({scenario.clause}): {result.reason}")


def _summary(record: Record) -> None:
    footer = record.footer
    counts = ", ".join(f"{count} {name}" for name, count in footer["counts"].items() if count)
    typer.echo(f"{footer['verdict']}: {counts} in {footer['seconds']} s")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
