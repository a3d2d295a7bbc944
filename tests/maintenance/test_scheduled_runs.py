"""What the runs of schedules are given: a build where one is promoted, and payloads that stay."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from durable_server.engine import schedule as engine
from durable_server.maintenance.passes import answer_of
from durable_server.server import Server
from durable_server.store import payload_objects, rollouts
from durable_server.store import runs as stored_runs
from durable_server.store import schedules as stored

from tests.maintenance.running import complete, poll, running, until
from tests.maintenance.test_schedules import Kept, every
from tests.support.databases import KINDS

URI = "s3://bucket/input"
REFERENCE = {
    "schema": "durable-workflow.v2.external-payload-reference.v1",
    "uri": URI,
    "sha256": "0" * 64,
    "size_bytes": 3,
    "codec": "avro",
}
OUTSIDE = {"workflow_type": "order", "input": {"codec": "avro", "external_storage": REFERENCE}}
INSIDE = {"workflow_type": "order", "input": [1]}


@pytest.fixture(scope="module", params=KINDS)
def server(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(request.param, tmp_path_factory.mktemp("scheduled")) as started:
        yield started


def builds(kept: Kept) -> list[str | None]:
    """The builds of the runs that were started, oldest first."""
    wanted = stored_runs.RunFilter(namespace="default", task_queue=kept.name)
    rows = answer_of(kept.server.read(stored_runs.list_runs, wanted, None, 100))
    return [row.run.build_id for row in reversed(rows)]


def promote(kept: Kept, build: str | None) -> None:
    key = ("default", kept.name, build)
    answer_of(kept.server.lanes.write(lambda tx: rollouts.promote(tx, key)))


def test_a_scheduled_run_is_for_the_build_that_is_promoted_when_it_is_started(
    server: Server,
) -> None:
    kept = Kept(server, every(3600), overlap_policy="allow_all")

    kept.trigger()
    promote(kept, "blue")
    kept.trigger()
    promote(kept, "green")
    kept.trigger()

    until(lambda: len(builds(kept)) == 3)
    assert builds(kept) == [None, "blue", "green"]


def test_a_buffered_run_is_for_the_build_that_is_promoted_once_it_is_started(
    server: Server,
) -> None:
    kept = Kept(server, every(3600), overlap_policy="buffer_all")
    kept.trigger()
    promote(kept, "blue")
    kept.trigger()
    promote(kept, "green")

    until(lambda: len(builds(kept)) == 1)
    complete(server, poll(server, queue=kept.name), {"type": "complete_workflow"})

    until(lambda: len(builds(kept)) == 2)
    assert builds(kept) == [None, "green"]


def is_held(kept: Kept) -> bool:
    held: bool = answer_of(kept.server.read(payload_objects.is_held, URI))
    return held


def set_action(kept: Kept, action: dict[str, Any]) -> None:
    changes = {"action": orjson.dumps(action).decode()}
    kept.change(lambda found, moment, around: engine.update(found, moment, changes, {}))


def test_a_schedule_holds_the_input_that_is_kept_outside(server: Server) -> None:
    kept = Kept(server, every(3600), action=orjson.dumps(OUTSIDE).decode())
    held = [is_held(kept)]

    set_action(kept, INSIDE)
    held.append(is_held(kept))
    set_action(kept, OUTSIDE)
    held.append(is_held(kept))
    kept.change(lambda found, moment, around: engine.delete(found, moment, {}))
    held.append(is_held(kept))

    assert held == [True, False, True, False]
    # It is looked at only when runs that were asked for just before have begun.
    now = server.clock.now()
    assert answer_of(server.read(payload_objects.due_garbage, now, 10)) == []
    later = now + stored.HANDED_ON
    (garbage,) = answer_of(server.read(payload_objects.due_garbage, later, 10))
    assert garbage.uri == URI
