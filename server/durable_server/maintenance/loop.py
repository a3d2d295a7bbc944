"""The thread that runs every pass when its next row is due.

Theory of operation. Lanes note on the agenda when something they wrote becomes due; after each
pass its query tells when the next row is. The loop sleeps until the earliest of these moments. As
other processes note on agendas of their own, every pass also runs once per interval, and soon
after a wake where `look_again` is subscribed to them.
"""

import logging
import threading
import zlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from durable_server.clock import SECOND, monotonic_seconds
from durable_server.maintenance import (
    activity_timeouts,
    bulk_operations,
    messages,
    namespaces,
    payload_garbage,
    query_tasks,
    retention,
    run_timeouts,
    schedules,
    task_leases,
    timers,
    workers,
)
from durable_server.maintenance.passes import PassReport, read
from durable_server.server import Server
from durable_server.store import activities as stored_activities
from durable_server.store import bulk_operations as stored_bulk_operations
from durable_server.store import messages as stored_messages
from durable_server.store import payload_objects
from durable_server.store import retention as stored_retention
from durable_server.store import runs as stored_runs
from durable_server.store import schedules as stored_schedules
from durable_server.store import tasks as stored_tasks
from durable_server.store import timers as stored_timers

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 10.0
RARELY_SECONDS = 60.0
LIMIT = 256
PAUSE = SECOND // 50
LOOK_AGAIN = SECOND // 5
BACKOFF_SECONDS_MAX = 30


class Pass(NamedTuple):
    """A pass, and the query that tells when its next row is due, if it has one.

    It also runs once per interval. `hears`: and when another process has changed something, which
    may have made a row due at once.
    """

    run: Callable[[Server, int, int], PassReport]
    next_due: Callable[[Any], int | None] | None = None
    interval_seconds: float = INTERVAL_SECONDS
    hears: bool = True


PASSES: dict[str, Pass] = {
    "timers": Pass(timers.fire_due_timers, stored_timers.next_due),
    "task_leases": Pass(task_leases.expire_task_leases, stored_tasks.next_lease_expiry),
    "activity_timeouts": Pass(
        activity_timeouts.enforce_activity_timeouts, stored_activities.next_due
    ),
    "run_timeouts": Pass(run_timeouts.time_out_runs, stored_runs.next_deadline),
    "schedules": Pass(schedules.fire_due_schedules, stored_schedules.next_due),
    "messages": Pass(messages.deliver_messages, stored_messages.next_due),
    "bulk_operations": Pass(
        bulk_operations.carry_on_bulk_operations, stored_bulk_operations.next_due
    ),
    "workers": Pass(workers.check_workers),
    "query_tasks": Pass(query_tasks.remove_query_tasks),
    "namespaces": Pass(namespaces.purge_namespaces, hears=False),
    "payload_garbage": Pass(payload_garbage.remove_garbage, payload_objects.next_due),
    "retention": Pass(
        retention.remove_expired_runs, stored_retention.next_due, RARELY_SECONDS, hears=False
    ),
}


class PassLoop:
    """Runs passes when they are due, one after the other, on one thread."""

    def __init__(self, server: Server, passes: dict[str, Pass] | None = None) -> None:
        self.totals: dict[str, PassReport] = {}
        self._server = server
        self._passes = PASSES if passes is None else passes
        self._failures: dict[str, int] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="passes", daemon=True)

    def start(self) -> None:
        """Run every pass once, then each when it is due."""
        now = self._server.clock.now()
        for kind in self._passes:
            self._server.agenda.note(kind, now)
        self._thread.start()

    def stop(self, seconds: float = 5.0) -> None:
        """Finish the pass under way, then end; waits at most this long."""
        self._stopping.set()
        self._server.agenda.nudge()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def look_again(self, runs: Iterable[str] = ()) -> None:
        """Another process changed runs, and may have made something due; told by its wakes."""
        soon = self._server.clock.now() + LOOK_AGAIN
        for kind, each in self._passes.items():
            if each.hears:
                self._server.agenda.note(kind, soon)

    def run_due(self) -> dict[str, PassReport]:
        """Run the passes that are due now, each once; gives their reports."""
        agenda = self._server.agenda
        reports: dict[str, PassReport] = {}
        for kind, due_at in agenda.take_due_moments(self._server.clock.now()).items():
            if kind in self._passes and not self._stopping.is_set():
                reports[kind] = self._run_one(kind, due_at)
        return reports

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.run_due()
            self._server.agenda.wait(INTERVAL_SECONDS)

    def _run_one(self, kind: str, due_at: int) -> PassReport:
        now, begun_at = self._server.clock.now(), monotonic_seconds()
        try:
            report = self._passes[kind].run(self._server, now, LIMIT)
            self._plan(kind, report)
        except Exception as error:
            failures = self._failures.get(kind, 0) + 1
            self._failures[kind] = failures
            seconds = min(2**failures, BACKOFF_SECONDS_MAX)
            log.error("a pass failed", extra={"pass": kind}, exc_info=error)
            self._server.observer.pass_failed(kind)
            self._server.agenda.note(kind, self._server.clock.now() + seconds * SECOND // 2)
            return PassReport()
        self._failures.pop(kind, None)
        self._count(kind, report)
        seconds, late_seconds = monotonic_seconds() - begun_at, (now - due_at) / SECOND
        self._server.observer.passed(kind, seconds, late_seconds, report.found)
        return report

    def _plan(self, kind: str, report: PassReport) -> None:
        """Note when this pass is to run next."""
        agenda, now = self._server.agenda, self._server.clock.now()
        if report.more and report.carried_out:
            agenda.note(kind, now)
            return
        agenda.note(kind, now + self._interval(kind))
        query = self._passes[kind].next_due
        next_due = read(self._server, query) if query is not None else None
        if next_due is None:
            return
        if next_due <= now and report.refused + report.carried_out == 0:
            # Only rows that were refused lately, or that others deal with, are left.
            next_due = now + SECOND
        agenda.note(kind, max(next_due, now + PAUSE) if next_due <= now else next_due)

    def _interval(self, kind: str) -> int:
        """Nearly the longest pause; servers and passes differ, so as not to march in step."""
        step = zlib.crc32(f"{self._server.server_id}/{kind}".encode()) % 200
        return round(self._passes[kind].interval_seconds * (1 - step / 1000) * SECOND)

    def _count(self, kind: str, report: PassReport) -> None:
        total = self.totals.get(kind, PassReport())
        self.totals[kind] = PassReport(
            total.found + report.found,
            total.carried_out + report.carried_out,
            total.refused + report.refused,
            report.more,
        )
        if report.refused:
            log.warning("a pass was refused rows", extra={"pass": kind, "rows": report.refused})
