"""A server on a database of its own whose clock is moved by hand, driven without HTTP."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from durable_server import app
from durable_server.advance.intents import CompleteWorkflowTask, StartRun
from durable_server.clock import ManualClock
from durable_server.config import Settings
from durable_server.engine import commands
from durable_server.engine.run_state import Payload
from durable_server.engine.start import Start
from durable_server.ids import new_id, new_plain_id, shard_of
from durable_server.maintenance.passes import answer_of
from durable_server.matching.channels import Channel, LeasedTask, Poll, PollingWorker
from durable_server.server import Server
from durable_server.store import history as histories
from durable_server.store import migrate
from durable_server.store import workers as stored_workers

from tests.support.databases import own_database

ANSWER_SECONDS_MAX = 20


@contextmanager
def running(kind: str, folder: Path, clock: Any = None, **settings: Any) -> Iterator[Server]:
    """A started server without passes of its own."""
    with own_database(kind, folder) as url:
        chosen = Settings(database_url=url, maintenance=False, server_id=new_plain_id(), **settings)
        server = app.build_server(chosen, clock or ManualClock())
        migrate.bootstrap(server.store, chosen)
        app.start(server)
        try:
            yield server
        finally:
            app.stop(server)


def start(server: Server, **wanted: Any) -> str:
    """Start a workflow; gives its run id."""
    workflow_id = wanted.pop("workflow_id", None) or new_plain_id()
    shard = shard_of("default", workflow_id)
    values: dict[str, Any] = {
        "shard": shard,
        "run_id": new_id(shard),
        "namespace": "default",
        "workflow_id": workflow_id,
        "workflow_type": "order",
        "task_queue": "orders",
        "input": Payload("plain", "[]"),
        "build_id": None,
        "business_key": None,
        "memo": None,
        "search_attributes": None,
        "duplicate_policy": "fail",
        "execution_timeout_seconds": None,
        "run_timeout_seconds": None,
        "command": {},
        **wanted,
    }
    answer_of(server.lanes.put(StartRun(shard=shard, wanted=Start(**values))))
    return values["run_id"]


def poll(server: Server, kind: str = "workflow", queue: str = "orders") -> LeasedTask:
    """Wait until a worker is handed a task."""
    return taken_by(park(server, kind, queue))


def park(server: Server, kind: str = "workflow", queue: str = "orders") -> Poll:
    """A worker's poll that waits for a task."""
    worker = PollingWorker("w1", None, None, None, "avro")
    wish = Poll(Channel("default", queue, kind), worker)
    server.matcher.park(wish)
    return wish


def taken_by(wish: Poll) -> LeasedTask:
    """The task that a poll is given, once it is."""
    arrived = threading.Event()
    wish.pending.on_answer(arrived.set)
    assert arrived.wait(ANSWER_SECONDS_MAX)
    return wish.pending.result()


def complete(server: Server, leased: LeasedTask, *raw: dict[str, Any]) -> Any:
    """Complete a workflow task with commands as on the wire."""
    task = leased.task
    completion = commands.Completion(
        task_id=task.task_id,
        lease_owner=task.lease_owner,
        attempt=task.attempt,
        commands=commands.parse(list(raw)),
        digest=new_plain_id(),
    )
    return answer_of(
        server.lanes.put(CompleteWorkflowTask(shard=task.shard, completion=completion))
    )


def event_types(server: Server, run_id: str) -> list[str]:
    """The types of a run's events, in order."""
    events = answer_of(server.read(histories.list_events, int(run_id[-3:], 16), run_id, 0, 1000))
    return [event.event_type for event in events]


def a_worker(now: int) -> stored_workers.Worker:
    """A registration that accepts everything of the queue `orders`."""
    return stored_workers.Worker(
        namespace="default",
        worker_id="w1",
        task_queue="orders",
        runtime="python",
        sdk_version=None,
        build_id=None,
        protocol_version="1.0",
        supported_workflow_types=None,
        supported_activity_types=None,
        workflow_definition_fingerprints="{}",
        max_concurrent_workflow_tasks=1,
        max_concurrent_activity_tasks=1,
        capabilities="[]",
        details="{}",
        status="active",
        registered_at=now,
        updated_at=now,
        last_heartbeat_at=now,
    )


def until(condition: Any) -> None:
    """Look until something is so."""
    ends = time.monotonic() + ANSWER_SECONDS_MAX
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < ends, "it did not become so"
        pause.wait(0.005)
