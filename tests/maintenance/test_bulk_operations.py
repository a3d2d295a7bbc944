"""Bulk operations: every matching run once, on any number of nodes, across a restart."""

import threading
from pathlib import Path
from typing import Any

import orjson
import pytest
from durable_server import app
from durable_server.clock import ManualClock
from durable_server.config import Settings
from durable_server.engine import bulk
from durable_server.engine.bulk import BulkOperation
from durable_server.ids import new_plain_id
from durable_server.maintenance import bulk_operations
from durable_server.maintenance.bulk_operations import carry_on_bulk_operations
from durable_server.maintenance.passes import answer_of
from durable_server.server import Server
from durable_server.store import bulk_operations as stored
from durable_server.store import selections

from tests.maintenance.running import event_types, running, start
from tests.support.databases import KINDS

BOTH = pytest.mark.parametrize("kind", KINDS)


def asked(server: Server, kind: str, **values: Any) -> BulkOperation:
    now, name = server.clock.now(), new_plain_id()
    wanted: dict[str, Any] = dict.fromkeys(BulkOperation._fields)
    wanted.update(namespace="default", operation_id=name, kind=kind, fingerprint="f")
    wanted.update(query='WorkflowType = "order"', rate=1000, status="running", matched_exact=True)
    wanted.update(dict.fromkeys(("matched", "done", "skipped", "failed"), 0))
    wanted.update(failures=bulk.NO_FAILURES, due_at=now, created_at=now, updated_at=now)
    wanted["command"] = orjson.dumps({"context": {"bulk_operation": name}}).decode()
    wanted.update(values)
    return answer_of(
        server.lanes.write(lambda tx: stored.insert_operation(tx, BulkOperation(**wanted)))
    )


def as_kept(server: Server, operation: BulkOperation) -> BulkOperation:
    found = stored.find_operation
    return answer_of(server.read(found, "default", operation.operation_id))


def carried_through(servers: list[Server], operation: BulkOperation, clock: ManualClock) -> None:
    """Every node runs the pass at the same time, until nothing is left."""
    for _ in range(200):
        if as_kept(servers[0], operation).status != "running":
            return
        nodes = [
            threading.Thread(target=carry_on_bulk_operations, args=(each, clock.now(), 256))
            for each in servers
        ]
        for node in nodes:
            node.start()
        for node in nodes:
            node.join()
        clock.advance(0.2)
    raise AssertionError("it did not come to an end")


def another(server: Server, clock: ManualClock) -> Server:
    """A second node on the same database."""
    settings = Settings(
        database_url=server.settings.database_url, maintenance=False, server_id=new_plain_id()
    )
    node = app.build_server(settings, clock)
    app.start(node)
    return node


@BOTH
def test_two_nodes_signal_every_matching_run_once(kind: str, tmp_path: Path) -> None:
    clock = ManualClock()
    with running(kind, tmp_path, clock) as server:
        runs = [start(server) for _ in range(220)]
        other = start(server, workflow_type="other")
        second = another(server, clock)
        operation = asked(server, "signal", signal_name="reload", input="[1]")

        carried_through([server, second], operation, clock)
        app.stop(second)

        kept = as_kept(server, operation)
        assert (kept.status, kept.done, kept.skipped, kept.failed) == ("completed", 220, 0, 0)
        for run in runs:
            assert event_types(server, run).count("SignalReceived") == 1
        assert event_types(server, other).count("SignalReceived") == 0


@BOTH
@pytest.mark.parametrize("what", ["terminate", "signal"])
def test_a_batch_that_its_node_left_behind_is_done_and_counted_once(
    kind: str, what: str, tmp_path: Path
) -> None:
    clock = ManualClock()
    with running(kind, tmp_path, clock) as server:
        runs = [start(server) for _ in range(12)]
        operation = asked(server, what, signal_name="go" if what == "signal" else None)
        claimed = answer_of(server.lanes.write(lambda tx: stored.claim_due(tx, "lost")))
        begun = bulk_operations._with_batch(server, claimed)
        assert bulk_operations._write(server, begun, release=False)
        half = begun._replace(batch=orjson.dumps([[*each] for each in begun.targets[:5]]).decode())
        bulk_operations._Batch(server, half, False).carry_out()

        carry_on_bulk_operations(server, clock.now(), 256)
        assert as_kept(server, operation).done == 0
        clock.advance(bulk.LEASE_SECONDS + 1)
        carried_through([server], operation, clock)

        kept = as_kept(server, operation)
        assert (kept.status, kept.done, kept.skipped, kept.failed) == ("completed", 12, 0, 0)
        event = "SignalReceived" if what == "signal" else "WorkflowTerminated"
        assert [event_types(server, run).count(event) for run in runs] == [1] * 12


def test_no_more_runs_are_addressed_than_the_limit_says(tmp_path: Path) -> None:
    clock = ManualClock()
    with running("sqlite", tmp_path, clock) as server:
        for _ in range(5):
            start(server)
        operation = asked(server, "cancel", runs_max=3)

        carried_through([server], operation, clock)

        kept = as_kept(server, operation)
        assert (kept.status, kept.closed_reason, kept.done) == ("completed", "limit", 3)
        assert answer_of(server.read(selections.count_open, kept, 10)) == 2


def test_an_operation_that_is_stopped_begins_nothing_more(tmp_path: Path) -> None:
    clock = ManualClock()
    with running("sqlite", tmp_path, clock) as server:
        start(server)
        operation = asked(server, "cancel")
        name = operation.operation_id
        answer_of(server.lanes.write(lambda tx: stored.stop(tx, "default", name, "enough")))

        carry_on_bulk_operations(server, clock.now(), 256)

        kept = as_kept(server, operation)
        assert (kept.status, kept.closed_reason, kept.done) == ("stopped", "enough", 0)


def test_a_query_that_is_none_any_more_ends_the_operation(tmp_path: Path) -> None:
    clock = ManualClock()
    with running("sqlite", tmp_path, clock) as server:
        operation = asked(server, "cancel", query='NoSuchAttribute = "x"')

        carry_on_bulk_operations(server, clock.now(), 256)

        kept = as_kept(server, operation)
        assert (kept.status, kept.closed_reason) == ("failed", "unknown_search_attribute")


@pytest.mark.long
@BOTH
def test_two_nodes_terminate_two_thousand_runs_once(kind: str, tmp_path: Path) -> None:
    clock = ManualClock()
    with running(kind, tmp_path, clock) as server:
        runs = [start(server) for _ in range(2000)]
        second = another(server, clock)
        operation = asked(server, "terminate")

        carried_through([server, second], operation, clock)
        app.stop(second)

        kept = as_kept(server, operation)
        assert (kept.status, kept.done, kept.skipped, kept.failed) == ("completed", 2000, 0, 0)
        for run in runs:
            assert event_types(server, run).count("WorkflowTerminated") == 1
