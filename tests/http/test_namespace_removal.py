"""Namespaces that are deleted, with all that is in them and nothing else, on both databases."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from durable_server.maintenance import namespaces as purging
from durable_server.maintenance import payload_garbage
from durable_server.store import namespace_purges, payload_objects
from durable_server.store.models import MODELS, Message, Namespace, NamespacePurge, PayloadRoot
from durable_server.store.rows_of import OF_NOBODY, namespace_column, run_column

from tests.http.asking import Asker, asking
from tests.support.databases import KINDS

START = {"workflow_id": "order-42", "workflow_type": "order", "task_queue": "q"}
STEP = {"type": "schedule_activity", "activity_type": "charge", "arguments": "AARbXQI="}
CHILD = {"type": "start_child_workflow", "workflow_type": "ship"}
REST = {"type": "start_timer", "delay_seconds": 3600}


@pytest.fixture(params=KINDS)
def asker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Asker]:
    with asking(request.param, tmp_path) as started:
        yield started


def fill(asker: Asker, namespace: str) -> None:
    """One run with something in most tables, and a worker."""
    inside = {"X-Namespace": namespace}
    asker.ask("POST", "/api/namespaces", {"name": namespace})
    worker = {"worker_id": "w", "task_queue": "q", "runtime": "python"}
    assert asker.ask("POST", "/api/worker/register", worker, inside).status == 201
    assert asker.ask("POST", "/api/workflows", START, inside).status == 201
    wish = {"worker_id": "w", "task_queue": "q", "timeout_seconds": 5}
    task = asker.ask("POST", "/api/worker/workflow-tasks/poll", wish, inside).body["task"]
    body = {"lease_owner": "w", "workflow_task_attempt": 1, "commands": [STEP, CHILD, REST]}
    path = f"/api/worker/workflow-tasks/{task['task_id']}/complete"
    assert asker.ask("POST", path, body, inside).status == 200
    told = asker.ask("POST", "/api/workflows/order-42/signal/go", {"input": [1]}, inside)
    assert told.status == 202


def rows(asker: Asker) -> dict[str, int]:
    """How many rows every table has."""

    def count(tx: Any) -> dict[str, int]:
        return {
            model._meta.table_name: model.select().count(tx.database)
            for model in MODELS
            # Messages are taken out of the outbox as soon as they are delivered.
            if model not in (*OF_NOBODY, Namespace, NamespacePurge, Message)
        }

    found: dict[str, int] = asker.runner.run(_awaited(asker.server.read(count)))
    return found


async def _awaited(pending: Any) -> Any:
    return await pending


def test_every_table_belongs_to_a_run_or_a_namespace_or_is_named() -> None:
    stray = [
        model._meta.table_name
        for model in MODELS
        if run_column(model) is None and namespace_column(model) is None and model not in OF_NOBODY
    ]

    assert [name for name in stray if name != "namespaces"] == []


def test_nothing_of_a_deleted_namespace_is_left_and_all_of_the_others(asker: Asker) -> None:
    fill(asker, "kept")
    before = rows(asker)
    fill(asker, "gone")

    answer = asker.ask("DELETE", "/api/namespaces/Gone")

    assert (answer.status, answer.body["status"]) == (200, "deleted")
    assert answer.body["deleted"]["runs"] == 2
    assert {"events", "workflows", "workers", "timers", "signals"} <= set(answer.body["deleted"])
    assert rows(asker) == before
    assert asker.ask("GET", "/api/namespaces/gone").status == 404
    assert asker.ask("GET", "/api/workflows", headers={"X-Namespace": "gone"}).status == 404
    assert asker.ask("DELETE", "/api/namespaces/gone").status == 404


def _row(model: Any) -> dict[str, Any]:
    """A row of the namespace `gone`, with something in every column."""
    kinds = {"BIGINT": 1, "BOOL": False, "DOUBLE": 1.0, "INT": 1}
    row = {name: kinds.get(each.field_type, "{}") for name, each in model._meta.fields.items()}
    return {**row, "namespace": "gone"}


def test_no_table_keeps_rows_of_a_deleted_namespace(asker: Asker) -> None:
    asker.ask("POST", "/api/namespaces", {"name": "gone"})
    tables = [model for model in MODELS if namespace_column(model) is not None]

    def insert(tx: Any) -> None:
        for model in tables:
            if model not in (NamespacePurge, PayloadRoot):
                model.insert(_row(model)).execute(tx.database)
        payload_objects.know_root(tx, "gone", "s3://b", '{"driver": "local", "config": {}}')

    def left(tx: Any) -> list[str]:
        mine = [model.select().where(namespace_column(model) == "gone") for model in tables]
        return [each.model._meta.table_name for each in mine if each.count(tx.database)]

    asker.runner.run(_awaited(asker.server.lanes.write(insert)))
    asker.ask("DELETE", "/api/namespaces/gone")
    payload_garbage.remove_garbage(asker.server, asker.server.clock.now(), 10)
    later = asker.server.clock.now() + 2 * purging.SETTLE
    purging.purge_namespaces(asker.server, later, 10)

    assert asker.runner.run(_awaited(asker.server.read(left))) == []


def test_the_name_of_a_deleted_namespace_is_free(asker: Asker) -> None:
    fill(asker, "again")
    asker.ask("DELETE", "/api/namespaces/again")

    assert asker.ask("POST", "/api/namespaces", {"name": "again"}).status == 201
    found = asker.ask("GET", "/api/workflows", headers={"X-Namespace": "again"})
    assert (found.status, found.body["workflow_count"]) == (200, 0)


def test_the_default_namespace_is_protected(asker: Asker) -> None:
    answer = asker.ask("DELETE", "/api/namespaces/DEFAULT")

    assert (answer.status, answer.body["reason"]) == (409, "namespace_protected")
    assert asker.ask("GET", "/api/workflows").status == 200


def test_a_deletion_that_was_interrupted_goes_on_in_a_pass(asker: Asker) -> None:
    fill(asker, "half")
    before = rows(asker)
    asker.runner.run(
        _awaited(asker.server.lanes.write(lambda tx: namespace_purges.begin_purge(tx, "half")))
    )
    asker.server.known_namespaces.clear()
    again = asker.ask("POST", "/api/namespaces", {"name": "half"})
    shown = asker.ask("GET", "/api/namespaces/half").body["status"]
    inside = asker.ask("GET", "/api/workflows", headers={"X-Namespace": "half"})

    purging.purge_namespaces(asker.server, asker.server.clock.now(), 10)
    later = asker.server.clock.now() + 2 * purging.SETTLE
    purging.purge_namespaces(asker.server, later, 10)

    assert (again.status, again.body["reason"]) == (409, "namespace_being_deleted")
    assert (shown, inside.status) == ("deleting", 404)
    assert before["runs"] == 2
    assert not any(rows(asker).values())
    left = asker.runner.run(_awaited(asker.server.read(namespace_purges.list_leaving)))
    assert left == []
