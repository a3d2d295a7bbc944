"""Histories as tasks bring them: in pages, compressed where a worker reads that."""

import base64
import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from durable_server.maintenance.timers import fire_due_timers

from tests.http.asking import Asker, asking
from tests.support.databases import KINDS

WORKER = {"worker_id": "w", "task_queue": "q"}
START = {"workflow_id": "order-42", "workflow_type": "order", "task_queue": "q"}
NOTES = [{"type": "record_side_effect", "result": f"{number:04}"} for number in range(60)]
WAKE = {"type": "start_timer", "delay_seconds": 0}
EVENTS = 64


@pytest.fixture(params=KINDS)
def asker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Asker]:
    """A server with a run of 64 events whose next task is ready."""
    with asking(request.param, tmp_path) as asker:
        asker.ask("POST", "/api/worker/register", {**WORKER, "runtime": "python"})
        asker.ask("POST", "/api/workflows", START)
        task = poll(asker)
        held = {"lease_owner": "w", "workflow_task_attempt": 1, "commands": [*NOTES, WAKE]}
        path = f"/api/worker/workflow-tasks/{task['task_id']}/complete"
        assert asker.ask("POST", path, held).status == 200
        fire_due_timers(asker.server, asker.server.clock.now(), 10)
        yield asker


def poll(asker: Asker, **wanted: Any) -> dict[str, Any]:
    body = {**WORKER, "timeout_seconds": 5, **wanted}
    task: dict[str, Any] = asker.ask("POST", "/api/worker/workflow-tasks/poll", body).body["task"]
    return task


def events(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of a page, however they came."""
    if "history_events_compressed" not in answer:
        plain: list[dict[str, Any]] = answer["history_events"]
        return plain
    assert answer["history_events"] == []
    packed = base64.b64decode(answer["history_events_compressed"])
    if answer["history_events_encoding"] == "gzip":
        text = gzip.decompress(packed)
    else:
        text = zlib.decompress(packed, -zlib.MAX_WBITS)
    unpacked: list[dict[str, Any]] = json.loads(text)
    return unpacked


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("deflate, gzip", "gzip"),
        ("br", None),
        (None, None),
    ],
)
def test_a_long_history_is_compressed_as_its_worker_reads_it(
    asker: Asker, accepted: str | None, encoding: str | None
) -> None:
    task = poll(asker, accept_history_encoding=accepted)

    assert task.get("history_events_encoding") == encoding
    assert [event["sequence"] for event in events(task)] == list(range(1, EVENTS + 1))
    assert task["next_history_page_token"] is None


@pytest.mark.parametrize("size", [1, 7, 50, 63, 64, 1000])
def test_pages_together_are_the_history_whatever_their_size(asker: Asker, size: int) -> None:
    task = poll(asker, history_page_size=size, accept_history_encoding="gzip")
    found, token = events(task), task["next_history_page_token"]
    path = f"/api/worker/workflow-tasks/{task['task_id']}/history"
    held = {"lease_owner": "w", "workflow_task_attempt": 1, "history_page_size": size}
    pages = 1
    while token is not None:
        wanted = {**held, "accept_history_encoding": "deflate"}
        name = "page_token" if pages % 2 else "next_history_page_token"
        answer = asker.ask("POST", path, {**wanted, name: token}).body
        found += events(answer)
        token = answer["next_history_page_token"]
        pages += 1

    assert [event["sequence"] for event in found] == list(range(1, EVENTS + 1))
    assert len({event["id"] for event in found}) == EVENTS
    assert pages == -(-EVENTS // size)


def test_a_short_history_is_never_compressed(asker: Asker) -> None:
    task = poll(asker, history_page_size=49, accept_history_encoding="gzip")

    assert len(task["history_events"]) == 49
