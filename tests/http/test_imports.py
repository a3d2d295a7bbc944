"""Exported runs that are imported elsewhere: read, exported again to the byte, never run."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from durable_server.views.canonical import canonical

from tests.http.asking import Asker, asking
from tests.support.databases import KINDS

START = {
    "workflow_id": "order-42",
    "workflow_type": "order",
    "task_queue": "q",
    "input": ["x", 1.5],
}
IMPORT = "/api/workflows/import/history-export"
ELSEWHERE = {"X-Namespace": "elsewhere"}


@pytest.fixture(params=KINDS)
def asker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Asker]:
    with asking(request.param, tmp_path, history_export_signing_key="key") as started:
        started.ask("POST", "/api/namespaces", {"name": "elsewhere"})
        body = {"worker_id": "w", "task_queue": "q", "runtime": "python"}
        started.ask("POST", "/api/worker/register", body)
        yield started


def closed_run(asker: Asker, **given: Any) -> str:
    run = asker.ask("POST", "/api/workflows", {**START, **given}).body["run_id"]
    wish = {"worker_id": "w", "task_queue": "q", "timeout_seconds": 5}
    task = asker.ask("POST", "/api/worker/workflow-tasks/poll", wish).body["task"]
    done = {"type": "complete_workflow", "result": "AAgiaGkiAg=="}
    body = {"lease_owner": "w", "workflow_task_attempt": 1, "commands": [done]}
    answer = asker.ask("POST", f"/api/worker/workflow-tasks/{task['task_id']}/complete", body)
    assert answer.status == 200
    return str(run)


def export(asker: Asker, run: str, headers: Any = None) -> bytes:
    path = f"/api/workflows/order-42/runs/{run}/history/export"
    answer = asker.ask("GET", path, headers=headers)
    assert answer.status == 200
    return answer.unpacked()


def test_an_imported_run_is_read_and_exported_again_to_the_byte(asker: Asker) -> None:
    run = closed_run(asker)
    document = export(asker, run)

    first = asker.ask("POST", IMPORT, document, ELSEWHERE)
    again = asker.ask("POST", IMPORT, document, ELSEWHERE)

    assert (first.status, first.body["outcome"], first.body["signature"]) == (
        201,
        "imported",
        "verified",
    )
    assert (again.status, again.body["outcome"]) == (200, "already_imported")
    assert export(asker, run, ELSEWHERE) == document
    here = asker.ask("GET", "/api/workflows/order-42").body
    there = asker.ask("GET", "/api/workflows/order-42", headers=ELSEWHERE).body
    same = ("run_id", "status", "input", "output", "output_envelope", "started_at", "closed_at")
    assert [there[name] for name in same] == [here[name] for name in same]
    listed = asker.ask("GET", "/api/workflows", headers=ELSEWHERE).body["workflows"]
    assert [each["run_id"] for each in listed] == [run]
    path = f"/api/workflows/order-42/runs/{run}/history"
    events = [asker.ask("GET", path, headers=each).body["events"] for each in (None, ELSEWHERE)]
    assert [e["event_type"] for e in events[0]] == [e["event_type"] for e in events[1]]


def test_an_imported_run_is_found_by_its_search_attributes(asker: Asker) -> None:
    attributes = {"Customer": "ann", "Tags": ["a", "b"], "Amount": 7}
    run = closed_run(asker, search_attributes=attributes)
    for name, kind in (("Customer", "keyword"), ("Tags", "keyword_list"), ("Amount", "int")):
        asker.ask("POST", "/api/search-attributes", {"name": name, "type": kind}, ELSEWHERE)

    for _ in range(2):
        asker.ask("POST", IMPORT, export(asker, run), ELSEWHERE)

    for query in ("Customer='ann'", "Tags='b' ORDER BY Amount", "Amount>6"):
        path = f"/api/workflows?query={quote(query)}"
        listed = asker.ask("GET", path, headers=ELSEWHERE).body["workflows"]
        assert [each["run_id"] for each in listed] == [run], query


def test_an_imported_run_is_never_run(asker: Asker) -> None:
    run = closed_run(asker)
    document = export(asker, run)
    asker.ask("POST", IMPORT, document, ELSEWHERE)

    for verb in ("signal/go", "cancel", "terminate"):
        answer = asker.ask("POST", f"/api/workflows/order-42/{verb}", {}, ELSEWHERE)
        assert answer.status in (409, 422), verb
    asker.ask("POST", "/api/workflows/order-42/archive", {}, ELSEWHERE)
    asker.ask("POST", "/api/workflows/order-42/repair", {}, ELSEWHERE)
    body = {"worker_id": "w2", "task_queue": "q", "runtime": "python"}
    asker.ask("POST", "/api/worker/register", body, ELSEWHERE)
    wish = {"worker_id": "w2", "task_queue": "q", "timeout_seconds": 0}
    polled = asker.ask("POST", "/api/worker/workflow-tasks/poll", wish, ELSEWHERE)

    assert polled.body["task"] is None
    assert export(asker, run, ELSEWHERE) == document


def sealed(bundle: dict[str, Any], **changes: Any) -> bytes:
    return canonical({**bundle, **changes}).encode()


def test_a_bundle_that_was_changed_or_is_of_an_open_run_is_refused(asker: Asker) -> None:
    open_run = asker.ask("POST", "/api/workflows", {**START, "workflow_id": "open"}).body["run_id"]
    opened = asker.ask("GET", f"/api/workflows/open/runs/{open_run}/history/export").unpacked()
    asker.ask("POST", "/api/workflows/open/terminate", {})
    run = closed_run(asker)
    bundle = json.loads(export(asker, run))
    unsigned = {**bundle["integrity"], "signature": None, "signature_algorithm": None}
    wrong = {**bundle["integrity"], "signature": "0" * 64}
    cases = [
        (sealed(bundle, dedupe_key="other"), "import_checksum_mismatch"),
        (sealed(bundle, integrity=unsigned), "import_signature_mismatch"),
        (sealed(bundle, integrity=wrong), "import_signature_mismatch"),
        (opened, "import_run_open"),
        (b"{}", "validation_failed"),
    ]

    for document, reason in cases:
        answer = asker.ask("POST", IMPORT, document, ELSEWHERE)
        assert (answer.status, answer.body["reason"]) == (422, reason)
    assert asker.ask("GET", "/api/workflows", headers=ELSEWHERE).body["workflows"] == []


def test_a_run_that_is_there_is_not_replaced(asker: Asker) -> None:
    run = closed_run(asker)

    answer = asker.ask("POST", IMPORT, export(asker, run))

    assert (answer.status, answer.body["reason"]) == (409, "import_conflict")
    assert asker.ask("DELETE", "/api/namespaces/elsewhere").status == 200
