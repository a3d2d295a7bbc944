"""What a client is told of its update, and for how long it waits."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.http.asking import WORKER as WORKER_VERSION
from tests.http.asking import Answer, Asker, asking
from tests.support.databases import KINDS

WORKER = {"worker_id": "w", "task_queue": "q"}
ENOUGH_SECONDS = 60
PLACE = "/api/workflows/order-42/update/paint"


@pytest.fixture(params=KINDS)
def asker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Asker]:
    settings = {"update_wait_completion_timeout_seconds": 1, "limit_pending_updates": 2}
    with asking(request.param, tmp_path, **settings) as asker:
        yield asker


def started(asker: Asker, **registered: Any) -> str:
    """A run whose first task is over; its worker is registered."""
    asker.ask("POST", "/api/worker/register", {**WORKER, "runtime": "python", **registered})
    body = {"workflow_id": "order-42", "workflow_type": "order", "task_queue": "q"}
    run_id: str = asker.ask("POST", "/api/workflows", body).body["run_id"]
    complete(asker, task(asker))
    return run_id


def task(asker: Asker) -> dict[str, Any]:
    answer = asker.ask("POST", "/api/worker/workflow-tasks/poll", {**WORKER, "timeout_seconds": 5})
    found: dict[str, Any] = answer.body["task"]
    return found


def complete(asker: Asker, held: dict[str, Any], *commands: dict[str, Any]) -> Answer:
    path = f"/api/worker/workflow-tasks/{held['task_id']}/complete"
    lease = {"lease_owner": "w", "workflow_task_attempt": held["workflow_task_attempt"]}
    return asker.ask("POST", path, {**lease, "commands": [*commands]})


def update(asker: Asker, **body: Any) -> Answer:
    return asker.ask("POST", PLACE, body)


def test_the_wait_ends_after_the_time_of_the_settings(asker: Asker) -> None:
    started(asker)

    answer = update(asker, wait_for="completed")

    assert answer.status == 202
    told = answer.body
    assert (told["wait_timed_out"], told["wait_timeout_seconds"]) == (True, 1)
    assert told["update_status"] == "accepted"


def test_nobody_waits_longer_than_an_hour(asker: Asker) -> None:
    started(asker)
    update(asker, request_id="r")
    held = task(asker)
    command = {"type": "complete_update", "update_id": held["workflow_update_id"], "result": [1]}
    complete(asker, held, command)

    answer = update(asker, request_id="r", wait_for="completed", wait_timeout_seconds="86400")

    assert (answer.status, answer.body["wait_timeout_seconds"]) == (200, 3600)
    assert (answer.body["result"], answer.body["retained"]) == ([1], True)


def test_a_failed_update_is_accepted_for_whoever_waits_for_no_more(asker: Asker) -> None:
    started(asker)
    update(asker, request_id="r")
    held = task(asker)
    command = {"type": "fail_update", "update_id": held["workflow_update_id"], "message": "no"}
    complete(asker, held, command)

    told = update(asker, request_id="r")
    waited = update(asker, request_id="r", wait_for="completed")

    assert (told.status, told.body["update_status"]) == (202, "failed")
    assert (waited.status, waited.body["message"]) == (422, "no")
    assert waited.body["reason"] == "update_failed"


def test_arguments_of_every_form_reach_the_worker(asker: Asker) -> None:
    started(asker, sdk_version="durable-workflow-python/2.12.0")
    envelope = {"codec": "avro", "blob": "bm90IGF2cm8="}

    update(asker, input=envelope)
    update(asker, input={"first": "a", "second": 1})

    events = {
        event["payload"]["update_id"]: event["payload"]
        for event in task(asker)["history_events"]
        if event["event_type"] == "UpdateAccepted"
    }
    opaque, named = events.values()
    assert (opaque["arguments"], opaque["payload_codec"]) == (envelope["blob"], "avro")
    assert named["arguments"].startswith("wwHioz3/VYAiN")


@pytest.mark.parametrize(
    ("sdk_version", "begins"),
    [("durable-workflow-python/2.12.0", "wwHioz3/VYAiN"), ("durable-workflow-python/0.4.106", "[")],
)
def test_plain_arguments_that_come_before_any_worker_are_encoded_for_the_first(
    asker: Asker, sdk_version: str, begins: str
) -> None:
    body = {"workflow_id": "order-42", "workflow_type": "order", "task_queue": "q"}
    asker.ask("POST", "/api/workflows", body)
    update(asker, input=["a"])
    registered = {**WORKER, "runtime": "python", "sdk_version": sdk_version}
    asker.ask("POST", "/api/worker/register", registered, {WORKER_VERSION: "1.1"})

    held = task(asker)
    complete(asker, held)
    again = task(asker)
    command = {"type": "complete_update", "update_id": again["workflow_update_id"]}
    complete(asker, again, command)
    last = task(asker)

    accepted, applied = last["history_events"][2:4]
    assert held["history_events"][2]["payload"] == accepted["payload"]
    assert accepted["payload"]["arguments"].startswith(begins)
    assert applied["event_type"] == "UpdateApplied"
    for name in ("arguments", "payload_codec"):
        assert applied["payload"][name] == accepted["payload"][name]


def test_a_run_takes_no_more_updates_than_its_bound(asker: Asker) -> None:
    started(asker)
    update(asker)
    update(asker)

    answer = update(asker)

    assert (answer.status, answer.body["reason"]) == (409, "structural_limit_exceeded")
    assert answer.body["limit_kind"] == "pending_update_count"
    assert (answer.body["current_value"], answer.body["configured_limit"]) == (3, 2)
    assert answer.body["control_plane"]["operation_name"] == "paint"


def test_what_a_type_declares_is_the_newest_word_of_a_worker(asker: Asker) -> None:
    declared = {"supported_workflow_types": ["order"]}
    contracts = {"workflow_command_contracts": {"order": {"updates": ["sell"]}}}
    started(asker, **declared, **contracts)
    asker.ask("DELETE", "/api/worker/registrations/w")
    rejected = update(asker, request_id="r")
    again = update(asker, request_id="r")

    asker.ask("POST", "/api/worker/register", {**WORKER, "runtime": "python", **declared})
    accepted = update(asker)

    assert (rejected.status, rejected.body["reason"]) == (404, "unknown_update")
    assert again.body["update_id"] == rejected.body["update_id"]
    assert (accepted.status, accepted.body["update_status"]) == (202, "accepted")


def test_a_name_with_control_characters_is_refused(asker: Asker) -> None:
    started(asker)

    answer = asker.ask("POST", "/api/workflows/order-42/update/a%07b", {})

    assert (answer.status, list(answer.body["errors"])) == (422, ["update_name"])


def test_a_client_that_is_gone_is_not_waited_for(asker: Asker) -> None:
    started(asker)
    body = json.dumps({"wait_for": "completed", "wait_timeout_seconds": 3600}).encode()
    received = iter([{"type": "http.request", "body": body}, {"type": "http.disconnect"}])
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(received)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = {**asker.headers, "content-type": "application/json", "content-length": len(body)}
    scope = {
        "type": "http",
        "method": "POST",
        "path": PLACE,
        "raw_path": PLACE.encode(),
        "http_version": "1.1",
        "scheme": "http",
        "root_path": "",
        "query_string": b"",
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "headers": [
            (name.lower().encode(), str(value).encode()) for name, value in headers.items()
        ],
    }
    asker.runner.run(asyncio.wait_for(asker.application(scope, receive, send), ENOUGH_SECONDS))

    assert sent[0]["status"] == 202
    assert len(asker.server.watchers) <= 1


def test_a_run_whose_update_is_judged_can_be_looked_into(asker: Asker) -> None:
    declared = {"order": {"updates": ["paint"], "update_validators": ["paint"]}}
    run_id = started(
        asker,
        supported_workflow_types=["order"],
        capabilities=["update_validation_tasks"],
        workflow_command_contracts=declared,
    )

    async def meanwhile() -> tuple[Answer, Answer]:
        asking = asyncio.create_task(asker.exchange("POST", PLACE, {"wait_timeout_seconds": 5}))
        body = {**WORKER, "timeout_seconds": 5, "task_kinds": ["update_validation"]}
        held = await asker.exchange("POST", "/api/worker/workflow-tasks/poll", body)
        judged = held.body["task"]["update_validation_task_id"]
        shown = await asker.exchange("GET", f"/api/workflows/order-42/runs/{run_id}/debug")
        lease = {"lease_owner": "w", "update_validation_attempt": 1}
        path = f"/api/worker/update-validation-tasks/{judged}/approve"
        assert (await asker.exchange("POST", path, lease)).status == 200
        return shown, await asking

    shown, told = asker.runner.run(meanwhile())

    assert (told.status, told.body["update_status"]) == (202, "accepted")
    [pending] = shown.body["pending_updates"]
    assert (pending["status"], pending["in_history"]) == ("validating", False)
    [lease] = shown.body["task_queue"]["current_leases"]
    assert (lease["task_type"], lease["attempt_number"]) == ("update_validation", 1)
