"""A workflow task that kills its workers is slowed down, and nobody else on its queue waits."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from durable_server.clock import SECOND
from durable_server.engine.run_state import Task
from durable_server.maintenance.passes import answer_of
from durable_server.maintenance.task_leases import expire_task_leases
from durable_server.server import Server
from durable_server.store import tasks as stored_tasks

from tests.maintenance.running import complete, poll, running, start
from tests.support.databases import KINDS

DONE = {"type": "complete_workflow"}


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with running(request.param, tmp_path) as started:
        yield started


def kill(server: Server) -> Task:
    """A worker takes the task of the queue and is never heard of again; the task as it then is."""
    taken = poll(server).task
    server.clock.advance(server.settings.workflow_task_timeout + 1)
    assert expire_task_leases(server, server.clock.now(), 10).carried_out == 1
    found = answer_of(server.read(stored_tasks.find_task, taken.shard, taken.task_id))
    task: Task = found[1]
    return task


def test_others_are_served_while_a_poison_task_waits_longer_and_longer(server: Server) -> None:
    start(server, workflow_id="poison")
    waits = []
    for number in range(5):
        task = kill(server)
        waits.append((task.available_at - server.clock.now()) / SECOND)
        if waits[-1]:
            start(server, workflow_id=f"healthy-{number}")
            healthy = poll(server)
            assert healthy.run.workflow_id == f"healthy-{number}"
            complete(server, healthy, DONE)
        server.clock.advance(waits[-1])
    server.matcher.backlog_anywhere()
    cured = poll(server)

    assert waits == [0, 0, 1, 2, 4]
    assert (cured.run.workflow_id, cured.task.failure_count) == ("poison", 5)
    assert complete(server, cured, DONE)["run_status"] == "completed"
