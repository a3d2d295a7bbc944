"""Lists and counts over many runs: what a page costs for each kind of query."""

import asyncio
import random
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlencode

from bench.load import CONTROL, Connection
from bench.processes import Measured, database, server
from bench.visibility_data import (
    ATTRIBUTES,
    CUSTOMERS,
    DAYS,
    NAMESPACES,
    QUEUES,
    REGIONS,
    TAGS,
    TYPES,
    load,
)

RUNS = 1_000_000
ASKED = 40
PAGES = 30
# No pass changes what is measured, and no query is ended.
SETTINGS = {
    "WORKFLOW_SERVER_MAINTENANCE": "false",
    "WORKFLOW_SERVER_VISIBILITY_QUERY_TIMEOUT_MILLISECONDS": "600000",
}
LIST, COUNT = "/api/workflows", "/api/workflow-counts"


class Cost(NamedTuple):
    """What requests of one kind took, the CPU of server and database for one of them, and how many
    runs the last one found.
    """

    what: str
    p50_ms: float
    p95_ms: float
    cpu_ms: float
    found: int


class Draw:
    """Values for queries, common ones and rare ones."""

    def __init__(self, count: int) -> None:
        self._random, self._count = random.Random(9), count

    def among(self, values: list[str], first: int = 0, last: int | None = None) -> str:
        """One of these, of the first or last ones; the first are common."""
        return self._random.choice(values[first:last])

    def customer(self) -> str:
        """A customer with some runs."""
        return f"customer-{self._random.randrange(CUSTOMERS // 10, CUSTOMERS):05}"

    def busy_customer(self) -> str:
        """A customer with thousands of runs."""
        return f"customer-{self._random.randrange(3):05}"

    def run(self) -> int:
        """The number of a run."""
        return self._random.randrange(self._count)

    def day(self) -> str:
        """An instant of the past days."""
        then = time.time() - self._random.uniform(1, DAYS - 1) * 86_400
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(then))

    def amount(self) -> int:
        """An amount that a few percent of the runs exceed."""
        return self._random.randrange(300, 900)


Writer = Callable[[Draw], str]
THREE: list[Writer] = [
    lambda d: (
        f"WorkflowType = '{d.among(TYPES, 0, 3)}' AND Status = 'completed'"
        f" AND Region = '{d.among(REGIONS, 0, 3)}'"
    ),
    lambda d: (
        f"WorkflowType = '{d.among(TYPES)}' AND Status = 'failed' AND Tags = '{d.among(TAGS)}'"
    ),
    lambda d: (
        f"Customer = '{d.customer()}' AND Status = 'failed' AND WorkflowType = '{d.among(TYPES)}'"
    ),
    lambda d: (
        f"Customer = '{d.busy_customer()}' AND TaskQueue = '{d.among(QUEUES)}'"
        f" AND Amount > {d.amount()}"
    ),
    lambda d: f"Region = '{d.among(REGIONS, -3)}' AND Priority >= 8 AND StartTime < '{d.day()}'",
    lambda d: "Urgent = true AND Status = 'running' AND Region IN ('region-0', 'region-1')",
    lambda d: f"Escalated IS NOT NULL AND Status = 'completed' AND Region = '{d.among(REGIONS)}'",
]
KINDS: list[tuple[str, list[Writer]]] = [
    ("three predicates, seven mixed kinds", THREE),
    (
        "two common values",
        [lambda d: f"Region = '{d.among(REGIONS, 0, 2)}' AND Status = 'completed'"],
    ),
    (
        "a common and a rare value",
        [lambda d: f"Region = '{d.among(REGIONS, 0, 2)}' AND Customer = '{d.customer()}'"],
    ),
    (
        "two rare values",
        [lambda d: f"Escalated = 'level-1' AND Customer = '{d.customer()}'"],
    ),
    (
        "two values that seldom meet",
        [lambda d: f"Status = 'terminated' AND WorkflowType = '{d.among(TYPES, -5)}'"],
    ),
    ("a status that is rare", [lambda d: "Status = 'terminated'"]),
    ("open runs", [lambda d: "Status = 'running'"]),
    ("an attribute of one value", [lambda d: f"Customer = '{d.customer()}'"]),
    ("an attribute that no run has", [lambda d: f"Ref = 'ref-{d.run()}'"]),
    ("a task queue that is rare", [lambda d: f"TaskQueue = '{d.among(QUEUES, -3)}'"]),
    ("a range", [lambda d: f"Amount > {d.amount()}"]),
    ("a range in its order", [lambda d: f"Amount > {d.amount()} ORDER BY Amount DESC"]),
    ("all by an attribute", [lambda d: "ORDER BY Amount DESC"]),
    ("all by close", [lambda d: "ORDER BY CloseTime DESC"]),
    (
        "closed within a span, by close",
        [lambda d: f"CloseTime < '{d.day()}' ORDER BY CloseTime DESC"],
    ),
    ("a tag of a list", [lambda d: f"Tags = '{d.among(TAGS)}'"]),
    ("two tags", [lambda d: f"Tags = '{d.among(TAGS, 0, 5)}' AND Tags = '{d.among(TAGS, -5)}'"]),
    ("a beginning, rare", [lambda d: f"Ref STARTS_WITH 'ref-{d.run():08}'"]),
    ("a beginning, common", [lambda d: "Customer STARTS_WITH 'customer-0'"]),
    (
        "the beginning of an id",
        [lambda d: f"WorkflowId STARTS_WITH 'workflow-{d.run() // 100:06}'"],
    ),
    ("an id", [lambda d: f"WorkflowId = 'workflow-{d.run():08}'"]),
    ("IS NULL, common", [lambda d: "Amount IS NULL"]),
    ("IS NOT NULL, rare", [lambda d: "Escalated IS NOT NULL"]),
    ("NOT", [lambda d: f"NOT (Region = '{d.among(REGIONS, 0, 2)}' OR Urgent = true)"]),
    ("OR of two rare", [lambda d: f"Customer = '{d.customer()}' OR Ref = 'ref-{d.run():08}'"]),
    ("a part of an id", [lambda d: f"{d.run():08}"]),
]
COUNTS: list[tuple[str, Writer, str | None]] = [
    ("count: an attribute", lambda d: f"Customer = '{d.customer()}'", None),
    ("count: open runs", lambda d: "Status = 'running'", None),
    ("count: a common value", lambda d: f"Region = '{d.among(REGIONS, 0, 2)}'", None),
    ("count: all", lambda d: "", None),
    ("count: open runs by type", lambda d: "Status = 'running'", "WorkflowType"),
    ("count: all by status", lambda d: "", "Status"),
    ("count: all by region", lambda d: "", "Region"),
]


def measure(kind: str, count: int = RUNS) -> list[Cost]:
    """Load a database of this kind and ask it everything, over HTTP, one request at a time."""
    with database(kind) as url:
        with server(url, **SETTINGS) as measured:
            asyncio.run(_declare(measured.port))
        load(url, count)
        with server(url, **SETTINGS) as measured:
            return asyncio.run(Asking(measured).all(count))


async def _declare(port: int) -> None:
    connection = Connection("127.0.0.1", port)
    for namespace in NAMESPACES:
        if namespace != "default":
            await connection.send("POST", "/api/namespaces", CONTROL, {"name": namespace})
        headers = {**CONTROL, "X-Namespace": namespace}
        for name, type_ in ATTRIBUTES.items():
            body = {"name": name, "type": type_}
            status, answer = await connection.send("POST", "/api/search-attributes", headers, body)
            assert status == 201, answer
    connection.close()


class Asking:
    """A client of a server with runs: one request at a time."""

    def __init__(self, measured: Measured) -> None:
        self._measured = measured
        self._connection = Connection("127.0.0.1", measured.port)

    async def all(self, count: int) -> list[Cost]:
        """Every kind of list, pages one behind the other, and counts."""
        draw, found = Draw(count), []
        for what, writers in KINDS:
            asked = [_list(writer(draw)) for _ in range(ASKED) for writer in writers]
            found.append(await self.cost(what, asked))
        found.append(await self.pages())
        for what, writer, group in COUNTS:
            asked = [_count(writer(draw), group) for _ in range(ASKED // 8)]
            found.append(await self.cost(what, asked))
        self._connection.close()
        return found

    async def cost(self, what: str, paths: list[str]) -> Cost:
        """What these requests take."""
        taken, used, answer = [], self._measured.cpu_seconds(), {}
        for path in paths:
            begun = time.perf_counter()
            answer = await self._ask(path)
            taken.append(time.perf_counter() - begun)
        cpu = self._measured.cpu_seconds() - used
        return _summary(what, taken, cpu, int(answer.get("workflow_count", answer.get("count"))))

    async def pages(self) -> Cost:
        """What page after page of a query takes that many runs match."""
        taken, used, token, seen = [], self._measured.cpu_seconds(), "", 0
        for _ in range(PAGES):
            begun = time.perf_counter()
            answer = await self._ask(_list("Region = 'region-1' AND Priority < 5", token))
            taken.append(time.perf_counter() - begun)
            token, seen = answer["next_page_token"] or "", seen + answer["workflow_count"]
        cpu = self._measured.cpu_seconds() - used
        return _summary(f"the first {PAGES} pages, each", taken, cpu, seen)

    async def _ask(self, path: str) -> Any:
        status, answer = await self._connection.send("GET", path, CONTROL)
        assert status == 200, answer
        return answer


def _list(query: str, token: str = "") -> str:
    return f"{LIST}?{urlencode({'query': query, 'next_page_token': token})}"


def _count(query: str, group: str | None) -> str:
    return f"{COUNT}?{urlencode({'query': query, **({'group_by': group} if group else {})})}"


def _summary(what: str, taken: list[float], cpu_seconds: float, found: int) -> Cost:
    milliseconds = [each * 1000 for each in taken]
    cuts = statistics.quantiles(milliseconds, n=20, method="inclusive")
    cpu = cpu_seconds * 1000 / len(taken)
    return Cost(what, statistics.median(milliseconds), cuts[-1], cpu, found)
