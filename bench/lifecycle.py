"""Whole lifecycles with 64 in flight: throughput, and CPU of server and database per workflow."""

import asyncio
from typing import NamedTuple

from bench.load import Load
from bench.processes import database, server

INDEXED = "server, 5 search attributes"
WORKFLOWS = {"server": 1500, INDEXED: 1500, "naive": 120}
ATTRIBUTES = {
    "Customer": "customer-00042",
    "Region": "region-1",
    "Amount": 12.5,
    "Urgent": False,
    "Due": "2026-12-24T18:00:00Z",
}


class Lifecycle(NamedTuple):
    """One variant on one database."""

    variant: str
    kind: str
    workflows_per_second: float
    cpu_milliseconds: float


def measure(kind: str, variant: str) -> Lifecycle:
    """Run the load once, after a small one that warms everything up."""
    count = WORKFLOWS[variant]
    attributes = ATTRIBUTES if variant == INDEXED else {}
    with database(kind) as url, server(url, variant.partition(",")[0]) as measured:

        def load(workflows: int) -> Load:
            address = "127.0.0.1", measured.port
            return Load(*address, workflows, search_attributes=attributes)

        asyncio.run(load(count // 10).run())
        before = measured.cpu_seconds()
        seconds = asyncio.run(load(count).run())
        cpu = measured.cpu_seconds() - before
        return Lifecycle(variant, kind, count / seconds, cpu / count * 1000)
