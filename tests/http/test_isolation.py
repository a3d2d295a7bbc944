"""Every operation of the contract, asked from another namespace: nothing is shown, nothing changes.

One namespace is filled, another is empty and one does not exist. Every operation is asked with the
names of the full one's things. Operations that come later are picked up by themselves:
they are asked like all others.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from durable_contracts import bundle
from durable_contracts.bundle import Operation
from durable_server.store.models import MODELS
from durable_server.store.rows_of import OF_NOBODY, namespace_column, run_column

from tests.http.asking import Asker, asking

OPERATIONS = [each for each in bundle.operations() if each.namespace_required]
MARK = "secretofmine"
NAMES = {
    "workflow_id": f"order-{MARK}",
    "signal_name": "go",
    "query_name": "look",
    "update_name": "add",
    "stream_name": f"stream-{MARK}",
    "worker_id": f"worker-{MARK}",
    "task_queue": f"queue-{MARK}",
    "name": f"queue-{MARK}",
    "schedule_id": f"schedule-{MARK}",
    "adapter": "webhook",
}
INSIDE = {"X-Namespace": "mine"}


@pytest.fixture(scope="module")
def asker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    with asking("sqlite", tmp_path_factory.mktemp("isolation"), worker_poll_timeout=0) as started:
        for name in ("mine", "theirs"):
            started.ask("POST", "/api/namespaces", {"name": name})
        started.ids = fill(started)  # type: ignore[attr-defined]
        yield started


def fill(asker: Asker) -> dict[str, str]:
    """A run with an open task and an activity in `mine`; the ids that paths may want."""
    queue, worker = NAMES["task_queue"], NAMES["worker_id"]
    body: Any = {"worker_id": worker, "task_queue": queue, "runtime": "python"}
    asker.ask("POST", "/api/worker/register", body, INSIDE)
    start = {"workflow_id": NAMES["workflow_id"], "workflow_type": MARK, "task_queue": queue}
    run = asker.ask("POST", "/api/workflows", start, INSIDE).body["run_id"]
    wish = {"worker_id": worker, "task_queue": queue, "timeout_seconds": 5}
    task = asker.ask("POST", "/api/worker/workflow-tasks/poll", wish, INSIDE).body["task"]
    step = {"type": "schedule_activity", "activity_type": MARK}
    done = {"lease_owner": worker, "workflow_task_attempt": 1, "commands": [step]}
    asker.ask("POST", f"/api/worker/workflow-tasks/{task['task_id']}/complete", done, INSIDE)
    given = asker.ask("POST", "/api/worker/activity-tasks/poll", wish, INSIDE).body["task"]
    asker.ask("POST", f"/api/workflows/{NAMES['workflow_id']}/signal/go", {}, INSIDE)
    spec = {"cron_expressions": ["0 0 1 1 *"]}
    schedule = {
        "schedule_id": NAMES["schedule_id"],
        "spec": spec,
        "action": {"workflow_type": MARK, "task_queue": queue},
    }
    asker.ask("POST", "/api/schedules", schedule, INSIDE)
    asker.ask("POST", "/api/search-attributes", {"name": MARK, "type": "keyword"}, INSIDE)
    attempt = given["activity_attempt_id"]
    return {**NAMES, "run_id": run, "task_id": given["task_id"], "activity_attempt_id": attempt}


def path_of(operation: Operation, ids: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: ids.get(found[1], MARK), operation.path)


def body_of(operation: Operation, ids: dict[str, str]) -> Any:
    """A body with the names of the full namespace's things, whatever of it the operation wants."""
    if operation.request_schema is None:
        return None
    return {
        **{key: ids[key] for key in ("workflow_id", "worker_id", "task_queue", "schedule_id")},
        "activity_attempt_id": ids["activity_attempt_id"],
        "lease_owner": ids["worker_id"],
        "workflow_task_attempt": 1,
        "timeout_seconds": 0,
        "commands": [],
        "failure": {"message": "x"},
        "result": None,
        "action": "pause",
        "type": "keyword",
        "name": MARK,
    }


def rows_of_mine(asker: Asker) -> dict[str, list[Any]]:
    """What is stored of the full namespace; signs of life of its own worker aside."""

    def read(tx: Any) -> dict[str, list[Any]]:
        found = {}
        for model in MODELS:
            column = namespace_column(model)
            if model in OF_NOBODY or (column is None and run_column(model) is None):
                continue
            query = model.select()
            if column is not None:
                query = query.where(column == "mine")
            rows = query.tuples().execute(tx.database)
            found[model._meta.table_name] = sorted(map(repr, rows))
        found.pop("messages", None)
        return found

    async def awaited() -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = await asker.server.read(read)
        return found

    return asker.runner.run(awaited())


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.operation_id)
def test_another_namespace_neither_shows_nor_changes_what_is_in_this_one(
    asker: Asker, operation: Operation
) -> None:
    ids = asker.ids  # type: ignore[attr-defined]
    before = rows_of_mine(asker)
    path, body = path_of(operation, ids), body_of(operation, ids)

    elsewhere = asker.ask(operation.method, path, body, {"X-Namespace": "theirs"})
    nowhere = asker.ask(operation.method, path, body, {"X-Namespace": "nobodys"})

    assert elsewhere.status < 500
    # Names that were sent come back; what only the full namespace knows must not.
    told = elsewhere.unpacked().decode()
    assert ids["run_id"] not in told.replace(path, "") or "run_id" in operation.path
    assert f'"workflow_type":"{MARK}"' not in told
    if operation.plane != "public":
        assert (nowhere.status, nowhere.body["reason"]) == (404, "namespace_not_found")
    changed = {name: rows for name, rows in rows_of_mine(asker).items() if rows != before[name]}
    if operation.operation_id in WRITES_UNNAMED:
        changed = {name: rows for name, rows in changed.items() if name not in UNNAMED}
    assert changed == {}


# Tables without a namespace that the other namespace's own new run writes to.
UNNAMED = {"events", "run_details", "activities", "timers", "children"}
WRITES_UNNAMED = {"workflows.start", "signals.signal_with_start"}


def test_the_full_namespace_does_show_what_is_in_it(asker: Asker) -> None:
    ids = asker.ids  # type: ignore[attr-defined]
    listed = asker.ask("GET", "/api/workflows", headers=INSIDE).body

    assert [each["run_id"] for each in listed["workflows"]] == [ids["run_id"]]
    assert asker.ask("GET", "/api/workflows", headers={"X-Namespace": "theirs"}).status == 200
