"""A run as one document, on both databases: whole, agreeing with its history, and sealed."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.http.asking import TOKENS, Answer, Asker, asking
from tests.http.promises import OPERATIONS, broken, check_envelope
from tests.support.databases import KINDS

WORKER = {"worker_id": "w", "task_queue": "q"}
START = {"workflow_id": "order-42", "workflow_type": "order", "task_queue": "q", "input": ["x"]}
ORDER = "/api/workflows/order-42"
LATER = {"type": "start_timer", "delay_seconds": 3600}


@pytest.fixture(params=KINDS)
def asker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Asker]:
    with asking(request.param, tmp_path, payload_storage_folder=str(tmp_path)) as started:
        started.ask("POST", "/api/worker/register", {**WORKER, "runtime": "python"})
        yield started


def post(asker: Asker, path: str, body: Any = None) -> Any:
    answer = asker.ask("POST", path, body)
    assert answer.status < 300, answer.body
    return answer.body


def poll(asker: Asker, kind: str = "workflow") -> dict[str, Any]:
    body = {**WORKER, "timeout_seconds": 5}
    task: dict[str, Any] = post(asker, f"/api/worker/{kind}-tasks/poll", body)["task"]
    return task


def complete(asker: Asker, task: dict[str, Any], *commands: dict[str, Any]) -> None:
    attempt = {"lease_owner": "w", "workflow_task_attempt": task["workflow_task_attempt"]}
    body = {**attempt, "commands": list(commands)}
    post(asker, f"/api/worker/workflow-tasks/{task['task_id']}/complete", body)


def report(asker: Asker, task: dict[str, Any], how: str, **told: Any) -> None:
    body = {"activity_attempt_id": task["activity_attempt_id"], "lease_owner": "w", **told}
    post(asker, f"/api/worker/activity-tasks/{task['task_id']}/{how}", body)


def asked(asker: Asker, run_id: str, workflow: str = ORDER) -> Answer:
    """The answer, which keeps what the contract promises."""
    answer = asker.ask("GET", f"{workflow}/runs/{run_id}/history/export")
    operation = OPERATIONS["history.export"]
    check_envelope(operation, answer)
    assert not broken(operation, answer)
    return answer


def exported(asker: Asker, run_id: str, workflow: str = ORDER) -> Any:
    answer = asked(asker, run_id, workflow)
    assert answer.status == 200, answer.body
    return answer.body


def sealed(bundle: dict[str, Any]) -> bytes:
    """What the checksum is taken over, where there are no odd numbers."""
    rest = {name: value for name, value in bundle.items() if name != "integrity"}
    return json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()


def column(rows: list[dict[str, Any]], *names: str) -> list[Any]:
    """Members of each entry."""
    return [tuple(row[name] for name in names) if names[1:] else row[names[0]] for row in rows]


def test_a_closed_run_tells_every_step_and_agrees_with_its_history(asker: Asker) -> None:
    run_id = post(asker, "/api/workflows", START)["run_id"]
    retry = {"retry_policy": {"max_attempts": 2, "backoff_seconds": [0]}}
    charge = {"type": "schedule_activity", "activity_type": "charge", "arguments": [1], **retry}
    complete(asker, poll(asker), charge)
    report(asker, poll(asker, "activity"), "fail", failure={"message": "no", "type": "Broke"})
    report(asker, poll(asker, "activity"), "complete", result="paid")
    complete(asker, poll(asker), LATER, {"type": "complete_workflow", "result": "done"})

    bundle = exported(asker, run_id)

    history = asker.ask("GET", f"{ORDER}/runs/{run_id}/history").body["events"]
    assert column(bundle["history_events"], "sequence", "type") == [
        (event["sequence"], event["event_type"]) for event in history
    ]
    assert bundle["history_complete"] is True
    assert bundle["workflow"]["last_history_sequence"] == len(history)
    [activity] = bundle["activities"]
    assert (activity["status"], activity["attempt_count"]) == ("completed", 2)
    assert column(activity["attempts"], "attempt_number", "status") == [
        (1, "failed"),
        (2, "completed"),
    ]
    assert column(bundle["timers"], "status", "history_event_types") == [
        ("pending", ["TimerScheduled"])
    ]
    paths = column(bundle["payload_manifest"]["entries"], "path")
    assert paths[:2] == ["payloads.arguments.data", "payloads.output.data"]
    assert {"commands.0.payload", "activities.0.arguments", "activities.0.result"} <= {*paths}
    assert bundle["tasks"] == bundle["links"]["parents"] == bundle["links"]["children"] == []


def test_the_checksum_is_over_the_rest_of_the_document(asker: Asker) -> None:
    memo = {"ü": "☃", "deep": {"b": 1, "a": [None, True]}}
    run_id = post(asker, "/api/workflows", {**START, "memo": memo})["run_id"]

    bundle = exported(asker, run_id)

    assert bundle["workflow"]["memo"] == memo
    assert bundle["integrity"] == {
        "canonicalization": "json-recursive-ksort-v1",
        "checksum_algorithm": "sha256",
        "checksum": hashlib.sha256(sealed(bundle)).hexdigest(),
        "signature_algorithm": None,
        "signature": None,
        "key_id": None,
    }


def test_what_an_open_run_was_told_is_there_before_its_history_has_it(asker: Asker) -> None:
    run_id = post(asker, "/api/workflows", START)["run_id"]
    complete(asker, poll(asker), {"type": "open_condition_wait", "timeout_seconds": 60})
    post(asker, f"{ORDER}/signal/first", {"input": [1]})
    task = poll(asker)
    post(asker, f"{ORDER}/signal/second", {"input": [2]})
    post(asker, f"{ORDER}/update/paint", {"input": ["red"], "wait_for": "accepted"})

    held = exported(asker, run_id)
    complete(asker, task)
    told = exported(asker, run_id)

    names = [("start", None), ("signal", "first"), ("signal", "second"), ("update", "paint")]
    for bundle in (held, told):
        assert column(bundle["commands"], "type", "target_name") == names
        assert column(bundle["signals"], "name", "status") == [
            ("first", "received"),
            ("second", "received"),
        ]
        assert column(bundle["updates"], "name", "status") == [("paint", "accepted")]
        assert column(bundle["timers"], "timer_kind") == ["condition_timeout"]
        assert bundle["payloads"]["output"] == {"available": False, "codec": None, "data": None}
    assert column(held["history_events"], "type").count("SignalReceived") == 1
    assert column(told["history_events"], "type").count("SignalReceived") == 2
    assert column(held["signals"], "arguments") == column(told["signals"], "arguments")
    assert [task["status"] for task in held["tasks"]] == ["leased"]


def test_parents_children_and_chains_are_linked(asker: Asker) -> None:
    run_id = post(asker, "/api/workflows", START)["run_id"]
    child = {"type": "start_child_workflow", "workflow_type": "child", "task_queue": "q"}
    complete(asker, poll(asker), child)
    task = poll(asker)
    complete(asker, task, {"type": "fail_workflow", "message": "no", "exception_type": "Broke"})
    complete(asker, poll(asker), {"type": "continue_as_new"})
    [first, second] = asker.ask("GET", f"{ORDER}/runs").body["runs"]

    parent = exported(asker, run_id)
    below = exported(asker, task["run_id"], f"/api/workflows/{task['workflow_id']}")
    after = exported(asker, second["run_id"])

    [called, continued] = parent["links"]["children"]
    assert (called["type"], called["status"]) == ("child_workflow", "failed")
    assert called["child_workflow_run_id"] == task["run_id"]
    assert continued["child_workflow_run_id"] == second["run_id"]
    assert column(below["links"]["parents"], "parent_workflow_run_id") == [first["run_id"]]
    assert column(after["links"]["parents"], "type", "parent_workflow_run_id") == [
        ("continue_as_new", first["run_id"])
    ]
    assert column(parent["failures"], "source_kind", "handled") == [("child_workflow_run", True)]
    assert column(below["failures"], "source_kind", "handled") == [("workflow_run", False)]
    assert not parent["workflow"]["is_current_run"]


def test_who_archived_a_run_is_told(asker: Asker) -> None:
    run_id = post(asker, "/api/workflows", START)["run_id"]
    post(asker, f"{ORDER}/terminate", {"reason": "wrong order"})
    post(asker, f"{ORDER}/archive", {"reason": "done with"})

    bundle = exported(asker, run_id)

    archived = bundle["commands"][-1]
    assert column(bundle["commands"], "type") == ["start", "terminate", "archive"]
    assert bundle["workflow"]["archive_command_id"] == archived["id"]
    assert bundle["workflow"]["archive_reason"] == "done with"


def test_what_is_kept_elsewhere_is_not_available_here(asker: Asker) -> None:
    folder = asker.server.settings.payload_storage_folder
    (Path(folder) / "key").write_text("wwHioz3/VYAiNwwA")
    policy = {"driver": "local", "config": {"uri": Path(folder).as_uri()}}
    asker.ask("PUT", "/api/namespaces/default/external-storage", policy)
    stored = {
        "schema": "durable-workflow.v2.external-payload-reference.v1",
        "uri": (Path(folder) / "key").as_uri(),
        "sha256": hashlib.sha256(b"wwHioz3/VYAiNwwA").hexdigest(),
        "size_bytes": 16,
        "codec": "avro",
    }
    reference = {"codec": "avro", "external_storage": stored}
    run_id = post(asker, "/api/workflows", {**START, "input": reference})["run_id"]

    bundle = exported(asker, run_id)

    [entry, *_] = bundle["payload_manifest"]["entries"]
    assert bundle["payloads"]["arguments"]["data"] == reference
    assert (entry["available"], entry["diagnostic"]) == (False, "payload_unavailable")


def test_an_unknown_run_is_refused_without_an_envelope(asker: Asker) -> None:
    post(asker, "/api/workflows", START)

    answer = asked(asker, "none")

    assert (answer.status, answer.body["reason"]) == (404, "run_not_found")
    assert "control_plane" not in answer.body


def test_workers_may_not_export(tmp_path: Path) -> None:
    tokens = {f"{role}_token": token for role, token in TOKENS.items()}
    with asking("sqlite", tmp_path, auth_driver="token", **tokens) as asker:
        bearer = {"Authorization": f"Bearer {TOKENS['worker']}"}
        answer = asker.ask("GET", f"{ORDER}/runs/none/history/export", headers=bearer)

    assert (answer.status, answer.body["reason"]) == (403, "forbidden")


def test_a_history_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    with asking("sqlite", tmp_path, history_export_max_bytes=500) as asker:
        run_id = post(asker, "/api/workflows", {**START, "memo": {"m": "m" * 500}})["run_id"]
        answer = asked(asker, run_id)

    assert (answer.status, answer.body["reason"]) == (409, "history_too_large")
    assert answer.body["history_size_bytes"] > answer.body["limit"] == 500


def test_no_limit_lets_every_history_through(tmp_path: Path) -> None:
    with asking("sqlite", tmp_path, history_export_max_bytes=0) as asker:
        run_id = post(asker, "/api/workflows", START)["run_id"]

        assert exported(asker, run_id)["history_complete"] is False


def test_exports_are_signed_where_there_is_a_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = {"history_export_signing_key": "hunter2", "history_export_signing_key_id": "export-1"}
    with asking("sqlite", tmp_path, **key) as asker, caplog.at_level("DEBUG"):
        run_id = post(asker, "/api/workflows", START)["run_id"]
        answer = asked(asker, run_id)

    integrity = answer.body["integrity"]
    expected = hmac.new(b"hunter2", sealed(answer.body), hashlib.sha256).hexdigest()
    assert (integrity["signature_algorithm"], integrity["signature"]) == ("hmac-sha256", expected)
    assert integrity["key_id"] == "export-1"
    assert b"hunter2" not in answer.unpacked() and "hunter2" not in caplog.text
