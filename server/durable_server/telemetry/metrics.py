"""Every metric that is counted as things happen: names, help, labels, buckets.

No label carries an id. Operations, statuses, reasons, passes and lanes are bounded by themselves;
namespaces and task queues, which clients name, by a setting.
"""

from typing import Any

from durable_contracts import refusals as catalogue
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from durable_server.observer import Carried, Observer
from durable_server.refusal import Refusal
from durable_server.store.errors import StoreBusy, StoreConflict, StoreLost
from durable_server.telemetry.labels import OTHER, Bounded

_REQUEST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_WAIT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
_COMMIT = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
_ITEMS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_LATE = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)
_ERRORS = {StoreBusy: "busy", StoreLost: "lost", StoreConflict: "conflict"}


class Metrics(Observer):
    """Counts what it is told, in a registry of its own."""

    def __init__(self, labels_max: int) -> None:
        # A series each for when another one began, which nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._reasons = frozenset(entry.sent_reason for entry in catalogue.load().values())
        self._make_requests()
        self._make_tasks(labels_max)
        self._make_runs(labels_max)
        self._make_lanes()
        self._make_passes()

    def _make_requests(self) -> None:
        self._seconds = self._histogram(
            "durable_request_seconds",
            "Seconds from the head of a request to its answer; a poll waits meanwhile.",
            ["operation", "status_class"],
            _REQUEST,
        )
        self._refusals = self._counter(
            "durable_refusals", "Requests that were refused, by reason.", ["operation", "reason"]
        )
        self._requests: dict[tuple[str, int], Any] = {}

    def _make_tasks(self, labels_max: int) -> None:
        handed = self._counter(
            "durable_tasks_handed",
            "Tasks leased to a poll: handed_over when written, or claimed from the backlog.",
            ["namespace", "task_queue", "kind", "how"],
        )
        waited = self._histogram(
            "durable_task_schedule_to_start_seconds",
            "Seconds that a task was ready before a worker got it.",
            ["namespace", "task_queue", "kind"],
            _WAIT,
        )
        # A queue has a few kinds of tasks, each handed out in two ways.
        self._handed = Bounded(handed.labels, 4, labels_max * 8)
        self._waited = Bounded(waited.labels, 3, labels_max * 4)

    def _make_runs(self, labels_max: int) -> None:
        started = self._counter("durable_runs_started", "Runs that began.", ["namespace"])
        closed = self._counter(
            "durable_runs_closed", "Runs that reached a final status.", ["namespace", "status"]
        )
        self._started = Bounded(started.labels, 1, labels_max)
        self._closed = Bounded(closed.labels, 2, labels_max * 6)

    def _make_lanes(self) -> None:
        self._batch_items = self._histogram(
            "durable_lane_batch_items", "Intents of one transaction.", ["lane"], _ITEMS
        )
        self._batch_seconds = self._histogram(
            "durable_lane_commit_seconds",
            "Seconds of one transaction of a lane, from its begin to its commit.",
            ["lane"],
            _COMMIT,
        )
        self._errors = self._counter(
            "durable_store_errors",
            "Transactions of lanes that came to nothing; busy, lost and conflict are tried again.",
            ["kind"],
        )
        self._late = self._histogram(
            "durable_timer_lateness_seconds",
            "Seconds between the moment of a timer and its firing.",
            [],
            _LATE,
        )

    def _make_passes(self) -> None:
        self._pass_seconds = self._histogram(
            "durable_pass_seconds", "Seconds that a pass took.", ["pass"], _REQUEST
        )
        self._pass_late = self._histogram(
            "durable_pass_lateness_seconds",
            "Seconds between the moment at which a pass was due and its begin.",
            ["pass"],
            _LATE,
        )
        self._pass_rows = self._counter(
            "durable_pass_rows", "Due rows that passes found.", ["pass"]
        )
        self._pass_failures = self._counter(
            "durable_pass_failures", "Passes that ended in an error.", ["pass"]
        )

    def _counter(self, name: str, text: str, labels: list[str]) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _histogram(
        self, name: str, text: str, labels: list[str], buckets: tuple[float, ...]
    ) -> Histogram:
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)

    def answered(self, operation: str, status: int, reason: str | None, seconds: float) -> None:
        """Count a request, and why it was refused."""
        key = (operation, status // 100)
        found = self._requests.get(key)
        if found is None:
            found = self._seconds.labels(operation, f"{status // 100}xx")
            self._requests[key] = found
        found.observe(seconds)
        if status >= 400:
            known = reason if reason in self._reasons else OTHER
            self._refusals.labels(operation, known).inc()

    def carried_out(self, carried: Carried) -> None:
        """Count a batch and what it did."""
        self._batch_items.labels(carried.lane).observe(carried.items)
        self._batch_seconds.labels(carried.lane).observe(carried.seconds)
        for namespace in carried.started:
            self._started.of(namespace).inc()
        for namespace, status in carried.closed:
            self._closed.of(namespace, status).inc()
        for task in carried.handed:
            queue = (task.namespace, task.task_queue, task.kind)
            self._handed.of(*queue, task.how).inc()
            self._waited.of(*queue).observe(task.waited_seconds)
        for seconds in carried.late_seconds:
            self._late.observe(seconds)

    def rolled_back(self, error: BaseException) -> None:
        """Count a transaction that came to nothing; a refusal is nobody's error."""
        if isinstance(error, Refusal):
            return
        kinds = [kind for known, kind in _ERRORS.items() if isinstance(error, known)]
        self._errors.labels(kinds[0] if kinds else OTHER).inc()

    def passed(self, kind: str, seconds: float, late_seconds: float, rows: int) -> None:
        """Count a pass."""
        self._pass_seconds.labels(kind).observe(seconds)
        self._pass_late.labels(kind).observe(max(late_seconds, 0.0))
        self._pass_rows.labels(kind).inc(rows)

    def pass_failed(self, kind: str) -> None:
        """Count a pass that failed."""
        self._pass_failures.labels(kind).inc()
