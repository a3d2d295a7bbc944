"""Whole lifecycles with 64 in flight: throughput, and CPU of server and database per workflow."""

import asyncio
from typing import NamedTuple

from bench.load import Load
from bench.processes import database, server

WORKFLOWS = {"server": 1500, "naive": 120}


class Lifecycle(NamedTuple):
    """One variant on one database."""

    variant: str
    kind: str
    workflows_per_second: float
    cpu_milliseconds: float


def measure(kind: str, variant: str) -> Lifecycle:
    """Run the load once, after a small one that warms everything up."""
    count = WORKFLOWS[variant]
    with database(kind) as url, server(url, variant) as measured:
        asyncio.run(Load("127.0.0.1", measured.port, count // 10).run())
        before = measured.cpu_seconds()
        seconds = asyncio.run(Load("127.0.0.1", measured.port, count).run())
        cpu = measured.cpu_seconds() - before
        return Lifecycle(variant, kind, count / seconds, cpu / count * 1000)
