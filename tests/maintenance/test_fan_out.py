"""Runs with very many activities at once come to their end, with one result each, in order."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from durable_server.advance.intents import CompleteActivity
from durable_server.engine.activity_report import Report
from durable_server.engine.run_state import Payload
from durable_server.ids import shard_in
from durable_server.maintenance.passes import answer_of
from durable_server.server import Server

from tests.maintenance.running import complete, poll, running, start
from tests.support.databases import KINDS

AT_ONCE = 2000
STEP = {"type": "schedule_activity", "activity_type": "pack"}
DONE = {"type": "complete_workflow", "result": "AA=="}


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with running(request.param, tmp_path, limit_command_batch_size=AT_ONCE) as server:
        yield server


def work(server: Server) -> None:
    """Take an activity and complete it with its own number."""
    leased = poll(server, "activity")
    task, activity = leased.task, leased.activity
    assert activity is not None and task.lease_owner is not None
    name = f"{activity.activity_execution_id}.{task.attempt}"
    report = Report(task.task_id, name, task.lease_owner, "completed", "d")
    result = Payload("avro", f"step-{activity.step}")
    answer_of(server.lanes.put(CompleteActivity(shard=task.shard, report=report, result=result)))


def fan_out(server: Server, count: int) -> None:
    """Schedule so many activities with one completion, carry them out, and complete the run."""
    run_id = start(server)
    steps = [{**STEP, "arguments": [number]} for number in range(count)]
    complete(server, poll(server), *steps)
    for _ in range(count):
        work(server)
    complete(server, poll(server), DONE)

    key = (shard_in(run_id), run_id, 0, 3 * count + 10)
    events = answer_of(server.read(lambda tx: tx.fetch("events_of_runs", [key])))
    types = [event.event_type for event in events]
    assert types == [
        *("StartAccepted", "WorkflowStarted"),
        *["ActivityScheduled"] * count,
        *["ActivityStarted"] * (types.count("ActivityStarted")),
        *["ActivityCompleted"] * count,
        "WorkflowCompleted",
    ]
    ends = [event for event in events if event.event_type == "ActivityCompleted"]
    results = [orjson.loads(event.payload)["result"] for event in ends]
    assert results == [f"step-{number}" for number in range(1, count + 1)]


def test_a_run_with_many_activities_completes(server: Server) -> None:
    fan_out(server, 40)


@pytest.mark.long
def test_a_run_with_two_thousand_activities_at_once_completes(server: Server) -> None:
    fan_out(server, AT_ONCE)
