"""What a request body may be: JSON, within bounds, in UTF-8, every key once."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from durable_server.http import limits
from durable_server.refusal import Refusal

from tests.http.asking import Answer, Asker, asking
from tests.http.promises import OPERATIONS, broken, check_envelope

LIMIT = 300_000
START = OPERATIONS["workflows.start"]
REGISTER = OPERATIONS["workers.register"]
BOTH = pytest.mark.parametrize("operation", [START, REGISTER], ids=lambda o: o.operation_id)


@pytest.fixture(scope="module")
def asker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    folder = tmp_path_factory.mktemp("bodies")
    with asking("sqlite", folder, max_payload_bytes=LIMIT) as started:
        yield started


def check(operation: Any, answer: Answer, status: int, reason: str) -> None:
    assert (answer.status, answer.body["reason"]) == (status, reason)
    check_envelope(operation, answer)
    assert broken(operation, answer) == []


def nested(depth: int) -> bytes:
    return b'{"input":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


MALFORMED = {
    "nothing closed": b'{"a":',
    "two documents": b"{} {}",
    "trailing comma": b'{"a":1,}',
    "single quotes": b"{'a':1}",
    "comment": b'{"a":1} // no',
    "not a number": b'{"a":NaN}',
    "infinite": b'{"a":Infinity}',
    "huge exponent": b'{"a":1e999}',
    "integer out of range": b'{"a":123456789012345678901234567890}',
    "negative integer out of range": b'{"a":-9223372036854775809}',
    "repeated key": b'{"a":1,"a":1}',
    "repeated key below": b'{"a":{"b":[{"c":1,"c":2}]}}',
    "repeated key behind escapes": b'{"a":1,"\\u0061":2}',
    "latin-1": '{"a":"\xe9"}'.encode("latin-1"),
    "utf-16": '{"a":1}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"a":1}',
    "overlong": b'{"a":"\xc0\xaf"}',
    "bare control character": b'{"a":"\n"}',
    "bare nul": b'{"a":"\0"}',
    "too deep": nested(limits.DEPTH_MAX + 1),
    "far too deep": nested(100_000),
    "blank": b" ",
    "compressed": gzip.compress(b"{}"),
}


@BOTH
@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_what_is_not_json_is_refused(asker: Asker, operation: Any, body: bytes) -> None:
    answer = asker.ask(operation.method, operation.path, body)

    check(operation, answer, 400, "malformed_json")
    assert answer.body["json_error"]


def test_too_many_keys_are_refused(asker: Asker) -> None:
    few = {str(number): 0 for number in range(limits.KEYS_MAX + 1)}
    assert isinstance(limits.parse(json.dumps(dict(list(few.items())[:-1])).encode()), dict)

    with pytest.raises(Refusal, match="malformed_json"):
        limits.parse(json.dumps(few).encode())


def test_as_deep_as_allowed_is_taken(asker: Asker) -> None:
    body = nested(limits.DEPTH_MAX)[:-1] + b',"workflow_type":"order"}'

    assert asker.ask("POST", "/api/workflows", body).status == 201


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("18446744073709551615", 2**64 - 1),
        ("-9223372036854775808", -(2**63)),
        ("1e2", 100.0),
        ("-0", 0),
        ("0.1", 0.1),
        ("9007199254740993", 2**53 + 1),
    ],
)
def test_numbers_are_kept_exactly(text: str, number: float) -> None:
    assert limits.parse(f'{{"a":{text}}}'.encode()) == {"a": number}


def test_colons_in_texts_are_no_repeated_keys() -> None:
    assert limits.parse(b'{"a":"b:c","d":"\\":"}') == {"a": "b:c", "d": '":'}


@BOTH
@pytest.mark.parametrize("body", [None, b"null", b"[]", b"1", b'"text"', b"true", b"[1,2]"])
def test_a_body_without_fields_gives_no_fields(
    asker: Asker, operation: Any, body: bytes | None
) -> None:
    answer = asker.ask(operation.method, operation.path, body)

    check(operation, answer, 422, "validation_failed")


@BOTH
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx", "json"]
)
def test_another_media_type_is_refused(asker: Asker, operation: Any, kind: str) -> None:
    answer = asker.ask(operation.method, operation.path, b"{}", {"Content-Type": kind})

    check(operation, answer, 415, "unsupported_media_type")
    assert answer.body["accepted_content_types"] == limits.ACCEPTED_TYPES


def test_a_body_without_a_media_type_is_refused(asker: Asker) -> None:
    no_type: dict[str, Any] = {"Content-Type": None}
    answer = asker.ask("POST", "/api/workflows", b"{}", no_type)

    check(START, answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "kind", ["application/json", "APPLICATION/JSON; charset=utf-8", "application/problem+json"]
)
def test_every_json_media_type_is_taken(asker: Asker, kind: str) -> None:
    answer = asker.ask("POST", "/api/workflows", {"workflow_type": "o"}, {"Content-Type": kind})

    assert answer.status == 201


@BOTH
def test_a_declared_length_beyond_the_limit_is_refused_unread(asker: Asker, operation: Any) -> None:
    length = {"Content-Length": str(LIMIT + 1)}
    answer = asker.ask(operation.method, operation.path, chunks=[b"{}"], headers=length)

    check(operation, answer, 413, "payload_too_large")
    assert answer.body["limit"] == LIMIT


@BOTH
def test_a_chunked_body_beyond_the_limit_is_refused(asker: Asker, operation: Any) -> None:
    chunks = [b" " * 100_000] * 4
    answer = asker.ask(operation.method, operation.path, chunks=chunks)

    check(operation, answer, 413, "payload_too_large")


def test_a_length_that_lies_does_not_let_more_in(asker: Asker) -> None:
    length = {"Content-Length": "2"}
    answer = asker.ask("POST", "/api/workflows", chunks=[b" " * (LIMIT + 1)], headers=length)

    check(START, answer, 413, "payload_too_large")


def test_a_chunked_body_is_put_together(asker: Asker) -> None:
    text = json.dumps({"workflow_type": "order", "input": ["\u6f22"]}, ensure_ascii=False).encode()
    answer = asker.ask("POST", "/api/workflows", chunks=[bytes([each]) for each in text])

    assert answer.status == 201


def test_every_field_that_is_wrong_is_named(asker: Asker) -> None:
    body = {
        "workflow_id": "no spaces",
        "task_queue": 7,
        "priority": 12,
        "run_timeout_seconds": -1,
        "retry_policy": {},
        "memo": [],
    }
    answer = asker.ask("POST", "/api/workflows", body)

    check(START, answer, 422, "validation_failed")
    named = {name.split(".")[0] for name in answer.body["errors"]}
    assert named == {"workflow_type", *body}
    assert answer.body["errors"] == answer.body["validation_errors"]
    assert all(texts and all(texts) for texts in answer.body["errors"].values())
    assert "more error" in answer.body["message"]
    pointers = {each["pointer"] for each in answer.body["violations"]}
    assert {"/workflow_type", "/task_queue", "/priority"} <= pointers


def test_a_field_deep_inside_is_named_by_its_path(asker: Asker) -> None:
    body = {"lease_owner": "w", "workflow_task_attempt": 1, "commands": [{"type": "start_timer"}]}
    answer = asker.ask("POST", "/api/worker/workflow-tasks/x/complete", body)

    assert answer.status == 422
    assert list(answer.body["errors"]) == ["commands.0.delay_seconds"]


def test_a_parameter_that_is_wrong_is_named(asker: Asker) -> None:
    answer = asker.ask("GET", "/api/workflows?page_size=0&status=odd&started_after=yesterday")

    assert answer.status == 422
    assert {"page_size", "status"} <= set(answer.body["errors"])
    assert broken(OPERATIONS["workflows.list"], answer) == []
