"""Compiled and stock: the same requests reach the same handlers with the same arguments."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from durable_contracts import examples
from durable_contracts.bundle import Operation
from durable_contracts.examples import Example
from durable_server import app
from durable_server.call import Call, Reply
from durable_server.http import stack
from durable_server.refusal import Refusal
from durable_server.server import Server

from tests.http.asking import CONTROL, WORKER, Answer, Asker, asking
from tests.http.promises import OPERATIONS

REQUESTS = [each for each in examples.load() if each.part == "request"]
VERSIONS = {CONTROL: "2", WORKER: "1.20"}


class Reached:
    """Handlers that take note of what they were called with instead of doing anything."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def handler_of(self, name: str) -> Any:
        async def handler(call: Call, **arguments: Any) -> Reply:
            self.calls.append((name, arguments))
            if arguments.get("workflow_id") == "refused":
                raise Refusal("instance_not_found", workflow_id="refused")
            if arguments.get("workflow_id") == "broken":
                raise ZeroDivisionError
            return Reply(200, {"reached": name})

        return handler


class Both:
    """The same application twice: everything compiled, and nothing compiled."""

    def __init__(self, server: Server, runner: Any) -> None:
        self.reached = {"compiled": Reached(), "stock": Reached()}
        self.askers = {
            kind: Asker(
                server,
                stack.application(
                    lambda router: app.build_edge(server, router),
                    handler_of=self.reached[kind].handler_of,
                    compiled=self._all if kind == "compiled" else self._none,
                ),
                VERSIONS,
                runner,
            )
            for kind in self.reached
        }

    @staticmethod
    def _all(operation: Operation) -> bool:
        return True

    @staticmethod
    def _none(operation: Operation) -> bool:
        return False

    def ask(self, method: str, target: str, body: Any = None) -> tuple[list[Answer], list[Any]]:
        """The answers of both, and what their handlers were called with."""
        answers, calls = [], []
        for kind, asker in self.askers.items():
            self.reached[kind].calls.clear()
            answers.append(asker.ask(method, target, body))
            calls.append(list(self.reached[kind].calls))
        return answers, calls


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with asking("sqlite", tmp_path_factory.mktemp("stock")) as started:
        yield Both(started.server, started.runner)


def path_of(operation: Operation) -> str:
    return operation.path.replace("{", "").replace("}", "")


@pytest.mark.parametrize("example", REQUESTS, ids=lambda e: f"{e.operation_id}-{e.name}")
def test_an_example_gets_the_same_verdict_on_both_paths(both: Both, example: Example) -> None:
    operation = OPERATIONS[example.operation_id]

    answers, calls = both.ask(operation.method, path_of(operation), example.document)

    assert [answer.status for answer in answers] == [200 if example.valid else 422] * 2
    assert calls[0] == calls[1]
    if not example.valid:
        assert [answer.body["reason"] for answer in answers] == ["validation_failed"] * 2


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_every_operation_is_reached_on_both_paths(both: Both, operation: Operation) -> None:
    for text in ("order-1", "a/b c%d", "\u6f22\U0001f600", "..", "a?b#c"):
        path = operation.path
        for parameter in operation.parameters:
            path = path.replace("{" + parameter.name + "}", quote(text, safe=""))
        needed = [p for p in operation.parameters if p.required and p.location == "query"]
        path += "?" * bool(needed) + "&".join(f"{each.name}=1" for each in needed)
        body = None
        if operation.request_schema is not None:
            body = next(
                e.document for e in REQUESTS if e.operation_id == operation.operation_id and e.valid
            )
        answers, calls = both.ask(operation.method, path, body)

        assert [answer.status for answer in answers] == [200, 200], answers[1].raw
        assert calls[0] == calls[1] and len(calls[0]) == 1
        assert answers[0].body == answers[1].body
        ids = {name for name in calls[0][0][1] if "{" + name + "}" in operation.path}
        assert {calls[0][0][1][name] for name in ids} <= {text}


PARAMETERS = (
    "",
    "page_size=7",
    "page_size=7&status=running&task_queue=a%20b",
    "workflow_type=%E6%BC%A2&unknown=1",
    "query=a%26b%3Dc",
    "namespace=default",
    "started_after=2026-04-25T07:28:58Z",
    "page_size=0",
    "page_size=201",
    "page_size=seven",
    "status=odd",
    f"workflow_type={'x' * 256}",
    f"next_page_token={'x' * 513}",
)


@pytest.mark.parametrize("query", PARAMETERS)
def test_parameters_get_the_same_verdict_on_both_paths(both: Both, query: str) -> None:
    answers, calls = both.ask("GET", f"/api/workflows?{query}")

    assert answers[0].status == answers[1].status
    assert calls[0] == calls[1]


@pytest.mark.parametrize("body", [None, b"null", b"[]", b"1"])
def test_a_body_without_fields_is_the_same_on_both_paths(both: Both, body: bytes | None) -> None:
    for path in ("/api/workflows", "/api/namespaces"):
        answers, calls = both.ask("POST", path, body)

        assert [answer.status for answer in answers] == [422, 422]
        assert calls == [[], []]


def test_what_a_handler_refuses_is_refused_on_both_paths(both: Both) -> None:
    answers, _ = both.ask("GET", "/api/workflows/refused")

    assert [answer.status for answer in answers] == [404, 404]
    assert answers[0].body == answers[1].body
    assert answers[0].body["reason"] == "instance_not_found"


def test_what_breaks_in_a_handler_is_our_bug_on_both_paths(both: Both) -> None:
    answers, _ = both.ask("GET", "/api/workflows/broken")

    assert [answer.status for answer in answers] == [500, 500]
    assert [answer.body["reason"] for answer in answers] == ["server_error"] * 2


def test_the_gates_stand_before_both_paths(both: Both) -> None:
    for kind, asker in both.askers.items():
        both.reached[kind].calls.clear()
        refused = [
            asker.ask("POST", "/api/workflows", b"{"),
            asker.ask("POST", "/api/workflows", b"{}", {"Content-Type": "text/plain"}),
            asker.ask("GET", "/api/workflows", headers={CONTROL: "1"}),
            asker.ask("GET", "/api/workflows", headers={"X-Namespace": "nowhere"}),
        ]

        assert [answer.status for answer in refused] == [400, 415, 400, 404]
        assert both.reached[kind].calls == []


def test_the_documents_come_through_the_stock_stack_and_the_rest_does_not() -> None:
    stock = {name for name, operation in OPERATIONS.items() if not stack.is_hot(operation)}

    assert stock and all(name.startswith("documents.") for name in stock)
