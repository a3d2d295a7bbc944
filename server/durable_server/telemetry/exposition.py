"""What a scrape is answered with: the metrics of this process, and of those that share its port."""

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from durable_server.server import Server
from durable_server.telemetry import siblings
from durable_server.telemetry.gauges import Gauges
from durable_server.telemetry.metrics import Metrics
from durable_server.telemetry.siblings import Place

# The text format that every scraper reads.
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Exposition:
    """Writes the metrics of a server down."""

    def __init__(self, server: Server, metrics: Metrics) -> None:
        labels_max = server.settings.metrics_labels_max
        self._registry = metrics.registry
        self._registry.register(Gauges(server, labels_max))
        ProcessCollector(registry=self._registry)
        self._place: Place | None = None

    def meet(self, place: Place) -> None:
        """Answer for siblings, too, and have them answer for this process."""
        self._place = place
        siblings.listen(place, self._own)

    def text(self) -> bytes:
        """The exposition; may take as long as the database and the siblings."""
        if self._place is None:
            return self._own()
        told = {self._place.number: self._own(), **siblings.ask(self._place)}
        gathered = CollectorRegistry()
        gathered.register(_Gathered(told))
        return generate_latest(gathered)

    def _own(self) -> bytes:
        return generate_latest(self._registry)


class _Gathered(Collector):
    """The metrics of several processes, each with the number of its process."""

    def __init__(self, told: dict[int, bytes]) -> None:
        self._told = told

    def describe(self) -> list[Any]:
        """Nothing: the names are those of the processes."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Each family once, with the series of every process."""
        families: dict[str, Metric] = {}
        for number, text in sorted(self._told.items()):
            for family in text_string_to_metric_families(text.decode()):
                known = families.setdefault(
                    family.name, Metric(family.name, family.documentation, family.type)
                )
                for sample in family.samples:
                    labels = {**sample.labels, "process": str(number)}
                    known.add_sample(sample.name, labels, sample.value)
        yield from families.values()
