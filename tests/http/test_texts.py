"""Texts that no column can hold are refused in the same way on both databases."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from durable_contracts import bundle, examples

from tests.http.asking import Asker, asking
from tests.support.databases import KINDS

OPERATIONS = {operation.operation_id: operation for operation in bundle.operations()}
REQUESTS = [e for e in examples.load() if e.part == "request" and e.valid]
BAD = "a\0b"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Asker]]:
    folder = tmp_path_factory.mktemp("texts")
    with asking(KINDS[0], folder) as first, asking(KINDS[1], folder) as second:
        yield [first, second]


def spoiled(node: Any) -> Iterator[Any]:
    """The value with one of its texts, or one of its names, replaced; every one in turn."""
    if isinstance(node, str):
        yield BAD
    elif isinstance(node, list):
        for index, each in enumerate(node):
            for worse in spoiled(each):
                yield [*node[:index], worse, *node[index + 1 :]]
    elif isinstance(node, dict):
        for name, each in node.items():
            for worse in spoiled(each):
                yield {**node, name: worse}
            yield {(BAD if key == name else key): value for key, value in node.items()}


@pytest.mark.parametrize("example", REQUESTS, ids=lambda e: f"{e.operation_id}-{e.name}")
def test_no_text_of_a_body_is_too_much(both: list[Asker], example: Any) -> None:
    operation = OPERATIONS[example.operation_id]
    path = operation.path.replace("{", "").replace("}", "")
    for body in spoiled({**example.document}):
        if operation.path.endswith("/poll"):
            body["timeout_seconds"] = 0
        answers = [asker.ask(operation.method, path, body) for asker in both]

        said = [(answer.status, answer.body.get("reason")) for answer in answers]
        assert said[0] == said[1], body
        assert said[0][0] < 500, (body, answers[0].body)


@pytest.mark.parametrize("operation", bundle.operations(), ids=lambda o: o.operation_id)
def test_no_part_of_a_path_is_too_much(both: list[Asker], operation: Any) -> None:
    for text in ("a%00b", "%ED%A0%80", "%F0%9F%98%80", "%2F", "..", "a" * 3000):
        path = operation.path
        for parameter in operation.parameters:
            path = path.replace("{" + parameter.name + "}", text)
        body: Any = {} if operation.request_schema is not None else None
        answers = [asker.ask(operation.method, path, body) for asker in both]

        assert answers[0].status == answers[1].status, (path, answers[0].body, answers[1].body)
        assert answers[0].status < 500, path


def test_no_parameter_is_too_much(both: list[Asker]) -> None:
    for operation in bundle.operations():
        for parameter in operation.parameters:
            if parameter.location != "query" or "{" in operation.path:
                continue
            for text in ("a%00b", "%ED%A0%80", "%F0%9F%98%80", "%", "\xff", "9" * 400):
                target = f"{operation.path}?{parameter.name}={text}".encode("latin-1")
                answers = [asker.ask(operation.method, target) for asker in both]

                assert answers[0].status == answers[1].status, target
                assert answers[0].status < 500, target


def test_a_blob_with_a_nul_is_refused_by_name(both: list[Asker]) -> None:
    body = {"workflow_type": "order", "input": {"codec": "avro", "blob": "a\0b"}}
    for asker in both:
        answer = asker.ask("POST", "/api/workflows", body)

        assert answer.status == 422
        assert list(answer.body["errors"]) == ["input.blob"]
        assert "U+0000" in answer.body["errors"]["input.blob"][0]


def test_a_plain_value_with_a_nul_comes_back_as_it_was(both: list[Asker]) -> None:
    for asker in both:
        body = {"workflow_type": "order", "input": [{"text": BAD}], "memo": {"m": BAD}}
        started = asker.ask("POST", "/api/workflows", body)
        shown = asker.ask("GET", f"/api/workflows/{started.body['workflow_id']}")

        assert (started.status, shown.status) == (201, 200)
        assert shown.body["input"] == [{"text": BAD}]
        assert shown.body["memo"] == {"m": BAD}


@pytest.mark.parametrize("text", ["\ud800", "\udfff\ud800"])
def test_half_a_surrogate_pair_is_not_json(both: list[Asker], text: str) -> None:
    body = json.dumps({"workflow_type": text}).encode()
    for asker in both:
        answer = asker.ask("POST", "/api/workflows", body)

        assert (answer.status, answer.body["reason"]) == (400, "malformed_json")


@pytest.mark.parametrize("text", ["\u0416-\u6f22-\U0001f600", "e\u0301", "\u202e", "\ufffe"])
def test_any_other_text_round_trips(both: list[Asker], text: str) -> None:
    for asker in both:
        started = asker.ask(
            "POST", "/api/workflows", {"workflow_type": text, "business_key": text, "input": [text]}
        )
        shown = asker.ask("GET", f"/api/workflows/{started.body['workflow_id']}").body

        assert (shown["workflow_type"], shown["business_key"]) == (text, text)
        assert shown["input"] == [text]


def test_a_failure_is_recorded_whatever_its_texts_hold(both: list[Asker]) -> None:
    worker = {"worker_id": "w", "task_queue": "failing"}
    failure = {"message": BAD, "type": BAD, "stack_trace": BAD, "details": {"d": BAD}}
    for asker in both:
        asker.ask("POST", "/api/worker/register", {**worker, "runtime": "python"})
        asker.ask("POST", "/api/workflows", {"workflow_type": "order", "task_queue": "failing"})
        task = asker.ask("POST", "/api/worker/workflow-tasks/poll", worker).body["task"]
        schedule = {"type": "schedule_activity", "activity_type": "a", "arguments": [BAD]}
        held = {"lease_owner": "w", "workflow_task_attempt": 1}
        path = f"/api/worker/workflow-tasks/{task['task_id']}"
        failed = asker.ask("POST", f"{path}/fail", {**held, "failure": {"message": BAD}})
        assert failed.status == 200, failed.body
        task = asker.ask("POST", "/api/worker/workflow-tasks/poll", worker).body["task"]
        held["workflow_task_attempt"] = task["workflow_task_attempt"]
        path = f"/api/worker/workflow-tasks/{task['task_id']}"
        done = asker.ask("POST", f"{path}/complete", {**held, "commands": [schedule]})
        assert done.status == 200, done.body
        activity = asker.ask("POST", "/api/worker/activity-tasks/poll", worker).body["task"]
        report = {"activity_attempt_id": activity["activity_attempt_id"], "lease_owner": "w"}
        path = f"/api/worker/activity-tasks/{activity['task_id']}"
        beat = asker.ask("POST", f"{path}/heartbeat", {**report, "message": BAD, "details": [BAD]})
        assert beat.status == 200, beat.body
        answer = asker.ask("POST", f"{path}/fail", {**report, "failure": failure})

        assert (answer.status, answer.body.get("recorded")) == (200, True), answer.body
