"""What is so at this moment: asked of the server whenever somebody scrapes."""

import threading
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from durable_server.clock import SECOND, monotonic_seconds
from durable_server.pending import Pending
from durable_server.server import Server
from durable_server.store.backlog import Backlog, list_backlog
from durable_server.telemetry.labels import OTHER

BACKLOG_TASKS_MAX = 50_000
BACKLOG_SECONDS = 5.0
ANSWER_SECONDS_MAX = 2.0


class Gauges(Collector):
    """Asks a server how it is; what does not answer in time is left out."""

    def __init__(self, server: Server, labels_max: int) -> None:
        self._server = server
        self._labels_max = labels_max
        self._backlog: list[Backlog] = []
        self._backlog_at = -BACKLOG_SECONDS
        self._lock = threading.Lock()

    def describe(self) -> list[Any]:
        """Nothing: a registry would ask for everything to learn the names."""
        return []

    def collect(self) -> Iterator[Any]:
        """Every gauge, with its values."""
        yield self._build()
        yield from self._here()
        yield from self._waiting()

    def _build(self) -> GaugeMetricFamily:
        family = GaugeMetricFamily(
            "durable_build_info",
            "1, with the version, the kind of database and what carries the wakes.",
            labels=["version", "database", "wakes"],
        )
        server = self._server
        labels = [version("durable-workflow-server"), server.store.kind, server.wakes.kind]
        family.add_metric(labels, 1)
        return family

    def _here(self) -> Iterator[GaugeMetricFamily]:
        server = self._server
        lanes = GaugeMetricFamily(
            "durable_lane_queue_items", "Intents that wait for a lane.", labels=["lane"]
        )
        for lane in server.lanes.lanes:
            lanes.add_metric([lane.name], len(lane))
        yield lanes
        parked = GaugeMetricFamily("durable_parked_polls", "Polls that wait.", labels=["kind"])
        counts = server.matcher.counts()
        counts.pop("channels")
        for kind, count in counts.items():
            parked.add_metric([kind], count)
        yield parked
        yield GaugeMetricFamily(
            "durable_reader_queue_items", "Queries that wait for a reader.", server.reads.waiting
        )
        yield GaugeMetricFamily(
            "durable_wakes_connected",
            "Whether wakes come in from other processes.",
            float(server.wakes.connected),
        )
        yield GaugeMetricFamily(
            "durable_database_ready",
            "Whether the database answers and is migrated, as was found last.",
            float(server.database.settled),
        )

    def _waiting(self) -> Iterator[GaugeMetricFamily]:
        labels = ["namespace", "task_queue", "kind"]
        tasks = GaugeMetricFamily(
            "durable_backlog_tasks",
            "Ready tasks that no worker has, the same on every server of one database;"
            f" at most {BACKLOG_TASKS_MAX} are counted.",
            labels=labels,
        )
        age = GaugeMetricFamily(
            "durable_backlog_age_seconds",
            "Seconds that the oldest ready task of a queue has waited.",
            labels=labels,
        )
        now = self._server.clock.now()
        for each in self._bounded():
            queue = [each.namespace, each.task_queue, each.kind]
            tasks.add_metric(queue, each.tasks)
            age.add_metric(queue, max(now - each.oldest_at, 0) / SECOND)
        yield tasks
        yield age

    def _bounded(self) -> list[Backlog]:
        """The longest queues one by one, the others together by kind."""
        found = self._read()
        kept, rest = found[: self._labels_max], found[self._labels_max :]
        for kind in sorted({each.kind for each in rest}):
            same = [each for each in rest if each.kind == kind]
            count, oldest = sum(e.tasks for e in same), min(e.oldest_at for e in same)
            kept.append(Backlog(OTHER, OTHER, kind, count, oldest))
        return kept

    def _read(self) -> list[Backlog]:
        with self._lock:
            now = monotonic_seconds()
            if self._server.database.settled and now - self._backlog_at >= BACKLOG_SECONDS:
                self._backlog_at = now
                asked = self._server.read(list_backlog, self._server.clock.now(), BACKLOG_TASKS_MAX)
                self._backlog = _answer(asked)
            return self._backlog


def _answer(asked: Pending) -> list[Backlog]:
    answered = threading.Event()
    asked.on_answer(answered.set)
    answered.wait(ANSWER_SECONDS_MAX)
    return asked.result() if asked.succeeded else []
