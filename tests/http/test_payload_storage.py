"""Payloads kept outside: moved there, verified when named, shown, and removed with their runs."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from durable_server import payloads
from durable_server.maintenance.payload_garbage import remove_garbage

from tests.http.asking import Asker, asking
from tests.support.databases import KINDS

BIG = payloads.encode_avro(["x" * 3000])
POLICY = {"driver": "local", "threshold_bytes": 1000, "config": {"prefix": "kept"}}
START = {"workflow_id": "order-42", "workflow_type": "order", "task_queue": "q"}
WORKFLOW = "/api/workflows/order-42"
HOUR = 3600 * 1_000_000


@pytest.fixture(params=KINDS)
def asker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Asker]:
    (tmp_path / "folder").mkdir()
    with asking(
        request.param, tmp_path, payload_storage_folder=str(tmp_path / "folder")
    ) as started:
        body = {"worker_id": "w", "task_queue": "q", "runtime": "python"}
        started.ask("POST", "/api/worker/register", body)
        yield started


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "folder"


def keep_outside(asker: Asker, **changes: Any) -> None:
    answer = asker.ask("PUT", "/api/namespaces/default/external-storage", {**POLICY, **changes})
    assert answer.status == 200, answer.body


def objects(folder: Path) -> list[Path]:
    return [each for each in folder.rglob("*") if each.is_file()]


def start(asker: Asker, given: Any) -> Any:
    return asker.ask("POST", "/api/workflows", {**START, "input": given})


def reference_to(path: Path, data: bytes, **changes: Any) -> dict[str, Any]:
    reference = {
        "schema": payloads.REFERENCE_SCHEMA,
        "uri": path.as_uri(),
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_bytes": len(data),
        "codec": "avro",
        **changes,
    }
    return {"codec": "avro", "external_storage": reference}


def test_a_large_input_is_moved_out_and_shown_all_the_same(asker: Asker, folder: Path) -> None:
    keep_outside(asker)

    assert start(asker, {"codec": "avro", "blob": BIG}).status == 201

    (kept,) = objects(folder / "kept")
    assert kept.read_text() == BIG
    described = asker.ask("GET", WORKFLOW).body
    assert described["input"] == ["x" * 3000]
    assert described["input_envelope"] == reference_to(kept, BIG.encode())


def test_a_small_input_stays_inside(asker: Asker, folder: Path) -> None:
    keep_outside(asker)
    start(asker, ["small"])

    assert objects(folder) == []
    assert "blob" in asker.ask("GET", WORKFLOW).body["input_envelope"]


def test_large_results_of_activities_and_workflows_are_moved_out(
    asker: Asker, folder: Path
) -> None:
    keep_outside(asker)
    start(asker, [])
    wish = {"worker_id": "w", "task_queue": "q", "timeout_seconds": 5}
    task = asker.ask("POST", "/api/worker/workflow-tasks/poll", wish).body["task"]
    step = {"type": "schedule_activity", "activity_type": "charge", "arguments": BIG}
    body = {"lease_owner": "w", "workflow_task_attempt": 1, "commands": [step]}
    path = f"/api/worker/workflow-tasks/{task['task_id']}/complete"
    assert asker.ask("POST", path, body).status == 200
    assert asker.ask("POST", path, body).status == 200
    given = asker.ask("POST", "/api/worker/activity-tasks/poll", wish).body["task"]
    assert "external_storage" in given["arguments"]
    result = {
        "activity_attempt_id": given["activity_attempt_id"],
        "lease_owner": "w",
        "result": {"codec": "avro", "blob": payloads.encode_avro("y" * 4000)},
    }
    done = f"/api/worker/activity-tasks/{given['task_id']}/complete"
    assert asker.ask("POST", done, result).status == 200
    task = asker.ask("POST", "/api/worker/workflow-tasks/poll", wish).body["task"]
    told = [e for e in task["history_events"] if e["event_type"] == "ActivityCompleted"]

    assert "external_storage" in told[0]["payload"]["result"]
    assert len(objects(folder)) == 2


def test_a_reference_is_taken_when_it_holds(asker: Asker, folder: Path) -> None:
    keep_outside(asker)
    (folder / "kept").mkdir(exist_ok=True)
    mine = folder / "kept" / "mine"
    mine.write_text(BIG)
    given = reference_to(mine, BIG.encode())

    assert start(asker, given).status == 201
    described = asker.ask("GET", WORKFLOW).body
    assert (described["input"], described["input_envelope"]) == (["x" * 3000], given)


def test_a_reference_that_does_not_hold_is_refused(asker: Asker, folder: Path) -> None:
    elsewhere = folder.parent / "secret"
    elsewhere.write_text("secret")
    (folder / "kept").mkdir(exist_ok=True)
    mine = folder / "kept" / "mine"
    mine.write_text(BIG)
    data = BIG.encode()
    assert "input.external_storage" in start(asker, reference_to(mine, data)).body["errors"]
    keep_outside(asker)
    (folder / "kept" / "link").symlink_to(elsewhere)
    cases = [
        (reference_to(mine, data, sha256="0" * 64), "input.external_storage"),
        (reference_to(mine, data, size_bytes=5), "input.external_storage"),
        (reference_to(mine, data, sha256="short"), "input.external_storage.sha256"),
        (reference_to(mine, data, size_bytes=-1), "input.external_storage.size_bytes"),
        (reference_to(mine, data, schema="other"), "input.external_storage.schema"),
        (reference_to(mine, data, uri=""), "input.external_storage.uri"),
        (reference_to(mine, data, codec="json"), "input.external_storage.codec"),
        (reference_to(elsewhere, b"secret"), "input.external_storage"),
        (reference_to(folder / "kept" / "link", b"secret"), "input.external_storage"),
        (reference_to(folder / "kept" / "absent", data), "input.external_storage"),
        (
            reference_to(mine, data, uri=(folder / "kept").as_uri() + "/../../secret"),
            "input.external_storage",
        ),
    ]

    for given, field in cases:
        answer = start(asker, given)
        assert answer.status == 422, given
        assert field in answer.body["errors"], (given, answer.body)
    assert asker.ask("GET", WORKFLOW).status == 404


def test_another_namespace_does_not_reach_what_a_server_stored(asker: Asker, folder: Path) -> None:
    keep_outside(asker)
    start(asker, {"codec": "avro", "blob": BIG})
    (kept,) = objects(folder)
    asker.ask("POST", "/api/namespaces", {"name": "other"})
    asker.ask("PUT", "/api/namespaces/other/external-storage", POLICY)
    body = {**START, "input": reference_to(kept, BIG.encode())}

    answer = asker.ask("POST", "/api/workflows", body, {"X-Namespace": "other"})

    assert answer.status == 422


def test_what_no_run_holds_goes_and_what_one_holds_stays(asker: Asker, folder: Path) -> None:
    keep_outside(asker)
    start(asker, {"codec": "avro", "blob": BIG})
    assert start(asker, {"codec": "avro", "blob": BIG}).status == 409
    assert len(objects(folder)) == 2

    remove_garbage(asker.server, asker.server.clock.now(), 10)
    assert len(objects(folder)) == 2
    remove_garbage(asker.server, asker.server.clock.now() + HOUR, 10)

    assert len(objects(folder)) == 1
    assert asker.ask("GET", WORKFLOW).body["input"] == ["x" * 3000]


def test_objects_go_with_their_namespace(asker: Asker, folder: Path) -> None:
    asker.ask("POST", "/api/namespaces", {"name": "gone"})
    asker.ask("PUT", "/api/namespaces/gone/external-storage", POLICY)
    body = {**START, "input": {"codec": "avro", "blob": BIG}}
    asker.ask("POST", "/api/workflows", body, {"X-Namespace": "gone"})
    assert len(objects(folder)) == 1

    report = asker.ask("DELETE", "/api/namespaces/gone").body["deleted"]
    remove_garbage(asker.server, asker.server.clock.now() + HOUR, 10)

    assert report["external_payloads"] == 1
    assert objects(folder) == []


def test_the_storage_is_tried_out_and_left_as_it_was(asker: Asker, folder: Path) -> None:
    body = {"small_payload_bytes": 10, "large_payload_bytes": 100_000}
    bare = asker.ask("POST", "/api/storage/test", body)
    keep_outside(asker)

    tried = asker.ask("POST", "/api/storage/test", body)
    other = asker.ask("POST", "/api/storage/test", {**body, "driver": "s3"})
    keep_outside(asker, enabled=False)
    off = asker.ask("POST", "/api/storage/test", body)

    assert bare.body["reason"] == "external_storage_not_configured"
    assert (tried.status, tried.body["large_payload"]["bytes"]) == (200, 100_000)
    assert other.body["reason"] == "storage_driver_unavailable"
    assert other.body["supported_diagnostic_drivers"] == ["local"]
    assert off.body["reason"] == "external_storage_disabled"
    assert objects(folder) == []


def test_a_policy_that_leads_elsewhere_is_refused(asker: Asker) -> None:
    path = "/api/namespaces/default/external-storage"
    for config, field in [
        ({"uri": "file:///etc"}, "config.uri"),
        ({"uri": "../.."}, "config.uri"),
        ({"prefix": "../up"}, "config.prefix"),
        ({"bucket": "b", "endpoint": "http://169.254.169.254"}, "config.endpoint"),
    ]:
        driver = "s3" if "bucket" in config else "local"
        answer = asker.ask("PUT", path, {"driver": driver, "config": config})
        assert (answer.status, field in answer.body["errors"]) == (422, True)
    assert asker.ask("GET", "/api/namespaces/default").body["external_payload_storage"] is None


def test_a_schedule_keeps_what_its_runs_are_to_be_given(asker: Asker, folder: Path) -> None:
    (folder / "kept").mkdir()
    mine, data = folder / "kept" / "mine", BIG.encode()
    mine.write_bytes(data)
    action = {"workflow_type": "order", "task_queue": "q", "input": reference_to(mine, data)}
    body = {"schedule_id": "s", "spec": {"cron_expressions": ["@yearly"]}, "action": action}
    early = asker.ask("POST", "/api/schedules", body)
    keep_outside(asker)
    wrong = {**action, "input": reference_to(mine, data, sha256="0" * 64)}

    assert early.body["errors"].keys() == {"action.input.external_storage"}
    assert asker.ask("POST", "/api/schedules", {**body, "action": wrong}).status == 422
    assert asker.ask("POST", "/api/schedules", body).status == 201
    assert asker.ask("PUT", "/api/schedules/s", {"action": wrong}).status == 422
    started = asker.ask("POST", "/api/schedules/s/trigger", {}).body["workflow_id"]
    assert asker.ask("GET", f"/api/workflows/{started}").body["input"] == ["x" * 3000]


def test_what_a_workflow_is_told_as_it_starts_is_verified_and_moved_out_too(
    asker: Asker, folder: Path
) -> None:
    keep_outside(asker)
    path = f"{WORKFLOW}/signal-with-start/told"
    blob = payloads.encode_avro(["y"])
    outside = folder / "kept" / "given"
    outside.parent.mkdir()
    outside.write_text(blob)
    wrong = reference_to(outside, blob.encode(), sha256="0" * 64)
    begin = {"workflow_type": "order", "task_queue": "q"}

    refused = asker.ask("POST", path, {**begin, "signal_input": wrong})
    told = asker.ask("POST", path, {**begin, "signal_input": {"codec": "avro", "blob": BIG}})

    assert refused.status == 422
    assert list(refused.body["errors"]) == ["signal_input.external_storage"]
    assert told.status == 202, told.body
    moved = [each for each in objects(folder / "kept") if each != outside]
    assert [each.read_text() for each in moved] == [BIG]
