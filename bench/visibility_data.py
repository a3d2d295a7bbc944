"""A large database of runs for lists: the rows that the server would write and lists read.

Histories, tasks and workflows are left out, since no list reads them. The server's own code makes
the rows; they go in by COPY or in one transaction, indexes last.
"""

import io
import random
import sqlite3
import time
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import orjson
import psycopg2
from durable_server.clock import SECOND, to_micro_text
from durable_server.engine.run_state import Payload, Run, RunDetails
from durable_server.store.columns import RUN_DETAILS, RUNS
from durable_server.store.run_attributes import RunAttribute
from durable_server.visibility.indexing import indexed_values

BATCH = 20_000
DAYS = 20
NAMESPACES = {"default": 80, "blue": 15, "green": 5}
TYPES = [f"type-{number:02}" for number in range(20)]
QUEUES = [f"queue-{number:02}" for number in range(12)]
REGIONS = [f"region-{number}" for number in range(8)]
TAGS = [f"tag-{number:02}" for number in range(40)]
CUSTOMERS = 50_000
ATTRIBUTES = {
    "Customer": "keyword",
    "Region": "keyword",
    "Amount": "double",
    "Priority": "int",
    "Urgent": "bool",
    "Due": "datetime",
    "Tags": "keyword_list",
    "Note": "text",
    "Ref": "keyword",
    "Escalated": "keyword",
}
CLOSED = {"completed": 930, "failed": 50, "cancelled": 15, "terminated": 5}
BLOB = Payload("avro", "wwHioz3/VYAiNwwCChBvcmRlci00MgA=" * 3)
TABLES: dict[str, Sequence[str]] = {
    "runs": RUNS.names,
    "run_details": RUN_DETAILS.names,
    "run_attributes": RunAttribute._fields,
}


class Loaded(NamedTuple):
    """What was loaded."""

    attribute_rows: int
    seconds: float


def _falling(values: Sequence[str]) -> list[float]:
    """Weights of which each is a little less than the one before: few common, many rare."""
    return list(accumulate(1 / (place + 1) for place in range(len(values))))


_TYPE_WEIGHTS, _QUEUE_WEIGHTS = _falling(TYPES), _falling(QUEUES)
_REGION_WEIGHTS, _TAG_WEIGHTS = _falling(REGIONS), _falling(TAGS)


class Maker:
    """Makes runs in the order of their starts, the same for the same seed."""

    def __init__(self, count: int) -> None:
        self._random, self._count = random.Random(4), count
        self._until = time.time_ns() // 1000 - 60 * SECOND

    def batches(self) -> Iterator[dict[str, list[tuple[Any, ...]]]]:
        """The rows of each table, some runs at a time."""
        for first in range(0, self._count, BATCH):
            rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in TABLES}
            for number in range(first, min(first + BATCH, self._count)):
                self._add(rows, number)
            yield rows

    def _add(self, rows: dict[str, list[tuple[Any, ...]]], number: int) -> None:
        draw = self._random
        span = DAYS * 86_400 * SECOND
        started = self._until - span + number * span // self._count
        shard = draw.randrange(4096)
        run_id = _run_id(started, draw.getrandbits(62), shard)
        attributes = self._attributes(number, started)
        text = orjson.dumps(attributes).decode()
        run = self._run(number, started, shard, run_id)
        details = RunDetails(shard, run_id, BLOB, BLOB, None, text)
        rows["runs"].append(RUNS.to_row(run))
        rows["run_details"].append(RUN_DETAILS.to_row(details))
        rows["run_attributes"] += [
            (shard, run_id, *value[:2], run.namespace, *value[2:], started)
            for value in indexed_values(attributes)
        ]

    def _run(self, number: int, started: int, shard: int, run_id: str) -> Run:
        draw = self._random
        recent = number > self._count * 0.98
        is_open = draw.random() < (0.8 if recent else 0.002)
        status = "waiting" if is_open else _pick(draw, CLOSED)
        closed = None if is_open else started + round(draw.expovariate(1 / 300) * SECOND)
        return Run(
            shard=shard,
            run_id=run_id,
            namespace=_pick(draw, NAMESPACES),
            workflow_id=f"workflow-{number:08}",
            run_number=1,
            workflow_type=draw.choices(TYPES, cum_weights=_TYPE_WEIGHTS)[0],
            task_queue=draw.choices(QUEUES, cum_weights=_QUEUE_WEIGHTS)[0],
            build_id=None,
            status=status,
            closed_reason=None if is_open else status,
            business_key=f"key-{number:08}" if number % 3 == 0 else None,
            payload_codec="avro",
            framing=None,
            sdk_version="durable-workflow-python/2.12.0",
            execution_timeout_seconds=None,
            run_timeout_seconds=None,
            execution_deadline_at=None,
            run_deadline_at=None,
            deadline_at=None,
            started_at=started,
            closed_at=closed,
            last_progress_at=started,
            last_sequence=draw.randrange(8, 60),
            history_bytes=draw.randrange(2_000, 40_000),
            next_step=5,
            open_activities=0,
            open_timers=0,
            task_id=None,
            task_leased=False,
            wake_requested=False,
        )

    def _attributes(self, number: int, started: int) -> dict[str, Any]:
        draw = self._random
        customer = int(CUSTOMERS * draw.random() ** 3)
        found: dict[str, Any] = {
            "Customer": f"customer-{customer:05}",
            "Region": draw.choices(REGIONS, cum_weights=_REGION_WEIGHTS)[0],
        }
        if draw.random() < 0.6:
            found["Amount"] = round(draw.lognormvariate(4, 1.2), 2)
        if draw.random() < 0.5:
            found["Priority"] = draw.randrange(10)
        if draw.random() < 0.3:
            found["Urgent"] = draw.random() < 0.05
            found["Due"] = to_micro_text(started + draw.randrange(86_400 * 30) * SECOND)
        if draw.random() < 0.4:
            found["Tags"] = draw.choices(TAGS, cum_weights=_TAG_WEIGHTS, k=2)
        if draw.random() < 0.15:
            found["Note"] = f"call {draw.choice(REGIONS)} about parcel {draw.randrange(10**6)}"
        if draw.random() < 0.2:
            found["Ref"] = f"ref-{number:08}"
        if draw.random() < 0.001:
            found["Escalated"] = f"level-{draw.randrange(1, 4)}"
        return found


def _pick(draw: random.Random, weights: dict[str, int]) -> str:
    return draw.choices(list(weights), list(weights.values()))[0]


def _run_id(started: int, bits: int, shard: int) -> str:
    """A UUIDv7 of this instant, as the server makes them."""
    tail = f"{bits:016x}"
    first = f"{started // 1000:012x}"
    last = f"{tail[4:13]}{shard:03x}"
    return f"{first[:8]}-{first[8:]}-7{tail[:3]}-9{tail[1:4]}-{last}"


def load(url: str, count: int) -> Loaded:
    """Fill a database that has its tables with this many runs."""
    begun = time.perf_counter()
    rows = _load_postgres(url, count) if url.startswith("postgresql") else _load_sqlite(url, count)
    return Loaded(rows, time.perf_counter() - begun)


def _load_postgres(url: str, count: int) -> int:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    rows = 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY (%s)"
            " AND indexdef NOT LIKE 'CREATE UNIQUE%%'",
            (list(TABLES),),
        )
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        for batch in Maker(count).batches():
            rows += len(batch["run_attributes"])
            for table, columns in TABLES.items():
                text = io.StringIO("".join(map(_line, batch[table])))
                cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) FROM STDIN", text)
        cursor.execute("SET maintenance_work_mem = '256MB'")
        for _, definition in indexes:
            cursor.execute(definition)
        cursor.execute("VACUUM ANALYZE")
    connection.close()
    return rows


def _line(row: tuple[Any, ...]) -> str:
    return "\t".join("\\N" if each is None else str(each) for each in row) + "\n"


def _load_sqlite(url: str, count: int) -> int:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    connection.executescript("PRAGMA synchronous = off; PRAGMA cache_size = -200000")
    places = ", ".join("?" * len(TABLES))
    found = connection.execute(
        f"SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name IN ({places})"
        " AND sql LIKE 'CREATE INDEX%'",
        list(TABLES),
    ).fetchall()
    rows = 0
    connection.execute("BEGIN")
    for name, _ in found:
        connection.execute(f"DROP INDEX {name}")
    for batch in Maker(count).batches():
        rows += len(batch["run_attributes"])
        for table, columns in TABLES.items():
            places = ", ".join("?" * len(columns))
            insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"
            connection.executemany(insert, batch[table])
    for _, definition in found:
        connection.execute(definition)
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return rows
