"""Pages while runs are started, closed and changed: what stays as it is, is seen once."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.http.asking import CONTROL, Asker, asking
from tests.support.databases import KINDS
from tests.visibility.bounds import BOUNDS, set_bounds

HEADERS = {CONTROL: "2"}
STEADY = 40
TYPES = {"Group": "keyword", "Amount": "int"}
QUERIES = [
    "",
    "ORDER BY StartTime",
    "ORDER BY Amount DESC",
    "Group IS NOT NULL ORDER BY Amount, CloseTime DESC",
    "ORDER BY CloseTime DESC",
    "Group = 'steady' OR Group = 'moving' ORDER BY WorkflowType, WorkflowId DESC",
]
UNCHANGED_ORDER = QUERIES[:2]
WAIT = {"type": "open_condition_wait", "condition_key": "never"}


@pytest.fixture(scope="module", params=KINDS)
def asker(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Asker]:
    folder: Path = tmp_path_factory.mktemp("pages")
    with asking(request.param, folder, auth_driver="none") as started:
        for name, kind in TYPES.items():
            started.ask("POST", "/api/search-attributes", {"name": name, "type": kind}, HEADERS)
        body = {"worker_id": "w", "task_queue": "q", "runtime": "python"}
        started.ask("POST", "/api/worker/register", body)
        for number in range(STEADY):
            workflow_id = f"steady-{number}"
            given = {"Group": "steady", **({"Amount": number % 5} if number % 3 else {})}
            started.runner.run(start(started, workflow_id, given, "nobody"))
            if number % 2:
                started.ask("POST", f"/api/workflows/{workflow_id}/terminate", {}, HEADERS)
        yield started


async def start(asker: Asker, workflow_id: str, given: dict[str, Any], queue: str) -> None:
    body = {"workflow_id": workflow_id, "workflow_type": "t", "task_queue": queue}
    body["search_attributes"] = given  # type: ignore[assignment]
    answer = await asker.exchange("POST", "/api/workflows", body, HEADERS)
    assert answer.status == 201, answer.body


class Writer:
    """Starts, changes and closes runs until it is told to stop."""

    def __init__(self, asker: Asker, name: str) -> None:
        self.asker, self.name, self.stopped, self.rounds = asker, name, False, 0
        self.turned = asyncio.Condition()

    async def write(self) -> None:
        try:
            while not self.stopped:
                await self.turn()
                await self.tell()
        finally:
            # Nobody may wait for a writer that has failed.
            self.stopped = True
            await self.tell()

    async def turn(self) -> None:
        workflow_id = f"moving-{self.name}-{self.rounds}"
        given = {"Group": "moving", "Amount": self.rounds % 5}
        await start(self.asker, workflow_id, given, "q")
        await self.change(self.rounds % 7)
        if self.rounds % 2:
            path = f"/api/workflows/{workflow_id}/terminate"
            await self.asker.exchange("POST", path, {}, HEADERS)
        self.rounds += 1

    async def tell(self) -> None:
        async with self.turned:
            self.turned.notify_all()

    async def change(self, amount: int) -> None:
        wish = {"worker_id": "w", "task_queue": "q", "timeout_seconds": 0}
        polled = await self.asker.exchange("POST", "/api/worker/workflow-tasks/poll", wish)
        task = polled.body["task"]
        if task is None:
            return
        changed = {"type": "upsert_search_attributes", "attributes": {"Amount": amount}}
        body = {"lease_owner": "w", "workflow_task_attempt": 1, "commands": [changed, WAIT]}
        path = f"/api/worker/workflow-tasks/{task['task_id']}/complete"
        answer = await self.asker.exchange("POST", path, body)
        assert answer.status in (200, 409), answer.body

    async def turns(self, rounds: int) -> None:
        """Wait until it has written some rounds more."""
        until = self.rounds + rounds
        async with self.turned:
            await self.turned.wait_for(lambda: self.stopped or self.rounds >= until)


async def pages(asker: Asker, query: str, writer: Writer) -> list[str]:
    seen, token = [], ""
    while token is not None:
        asked = {"query": query, "page_size": 9, "next_page_token": token}
        path = f"/api/workflows?{urlencode(asked)}"
        answer = await asker.exchange("GET", path, None, HEADERS)
        assert answer.status == 200, answer.body
        seen += [run["workflow_id"] for run in answer.body["workflows"]]
        token = answer.body["next_page_token"]
        if len(seen) < 20 * STEADY:
            await writer.turns(1)
    return seen


async def read_beside(asker: Asker, query: str, name: str) -> tuple[list[str], int]:
    writer = Writer(asker, name)
    writing = asyncio.ensure_future(writer.write())
    try:
        seen = await pages(asker, query, writer)
    finally:
        writer.stopped = True
        await writing
    return seen, writer.rounds


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("query", QUERIES)
def test_runs_that_stay_as_they_are_are_seen_once(
    asker: Asker, query: str, bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_bounds(monkeypatch, bound)
    name = f"{QUERIES.index(query)}-{BOUNDS.index(bound)}"

    seen, written = asker.runner.run(read_beside(asker, query, name))

    counts = Counter(seen)
    steady = [f"steady-{number}" for number in range(STEADY)]
    assert {name: counts[name] for name in steady} == dict.fromkeys(steady, 1)
    assert written >= 4
    if query in UNCHANGED_ORDER:
        assert max(counts.values()) == 1
