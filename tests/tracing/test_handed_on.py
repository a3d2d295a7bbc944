"""The trace of whoever asks reaches the workers, also where nobody traces the server."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from durable_server.engine.trace_context import LINKS_SCHEMA, SCHEMA

from tests.http.asking import Answer, Asker, asking
from tests.support.databases import KINDS

STATE = "congo=t61rcWkgMzE"
WORKER = {"worker_id": "w", "task_queue": "q", "timeout_seconds": 0}


def parent(digit: str) -> str:
    return f"00-{digit * 32}-{digit * 16}-01"


def shown(digit: str, **more: str) -> dict[str, Any]:
    return {"schema": SCHEMA, "version": 1, "carrier": {"traceparent": parent(digit), **more}}


def sent(digit: str) -> dict[str, str]:
    return {"traceparent": parent(digit), "tracestate": STATE}


@pytest.fixture(params=KINDS)
def asker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Asker]:
    with asking(request.param, tmp_path) as asker:
        register(asker, updates=["paint"], signals=["paid"])
        yield asker


def register(asker: Asker, **declared: list[str]) -> None:
    body = {
        "worker_id": "w",
        "task_queue": "q",
        "runtime": "python",
        "workflow_command_contracts": {"order": declared},
        "capabilities": ["query_tasks", "update_validation_tasks"],
    }
    assert asker.ask("POST", "/api/worker/register", body).status == 201


def started(asker: Asker, **headers: str) -> None:
    body = {"workflow_id": "order-42", "workflow_type": "order", "task_queue": "q"}
    assert asker.ask("POST", "/api/workflows", body, headers).status == 201


def polled(asker: Asker, kind: str = "workflow") -> dict[str, Any]:
    task = asker.ask("POST", f"/api/worker/{kind}-tasks/poll", WORKER).body["task"]
    assert task is not None
    return dict(task)


def complete(asker: Asker, task: dict[str, Any], *commands: dict[str, Any]) -> Answer:
    held = {"lease_owner": "w", "workflow_task_attempt": task["workflow_task_attempt"]}
    path = f"/api/worker/workflow-tasks/{task['task_id']}/complete"
    answer = asker.ask("POST", path, {**held, "commands": [*commands]})
    assert answer.status == 200, answer.body
    return answer


def test_a_start_reaches_workflow_and_activity_tasks(asker: Asker) -> None:
    started(asker, **sent("a"))

    task = polled(asker)
    complete(asker, task, {"type": "schedule_activity", "activity_type": "charge"})

    assert task["observability_context"] == shown("a", tracestate=STATE)
    assert "observability_links" not in task
    assert polled(asker, "activity")["observability_context"] == shown("a", tracestate=STATE)


def test_without_a_trace_tasks_tell_of_none(asker: Asker) -> None:
    started(asker, traceparent="00-not-valid")

    task = polled(asker)
    complete(asker, task, {"type": "schedule_activity", "activity_type": "charge"})

    assert "observability_context" not in task
    assert "observability_context" not in polled(asker, "activity")


def test_a_signal_and_an_update_are_links_of_the_task_they_bring_about(asker: Asker) -> None:
    started(asker, **sent("a"))
    complete(asker, polled(asker))
    for path, digit in (("signal/paid", "b"), ("update/paint", "c")):
        asked = asker.ask("POST", f"/api/workflows/order-42/{path}", {}, sent(digit)).body

        task = polled(asker)

        assert task["observability_context"] == shown("a", tracestate=STATE)
        links = task["observability_links"]
        (link,) = links.pop("links")
        assert links == {
            "schema": LINKS_SCHEMA,
            "version": 1,
            "task_id": task["task_id"],
            "run_id": task["run_id"],
            "namespace": "default",
        }
        assert link["command_id"] == asked["command_id"]
        assert link["context"] == shown(digit, tracestate=STATE)
        command = {"type": "complete_update", "update_id": task["workflow_update_id"]}
        complete(asker, task, *([command] if task["workflow_update_id"] else []))


def test_a_signal_that_waited_for_a_leased_task_is_a_link_too(asker: Asker) -> None:
    started(asker)
    first = polled(asker)
    asker.ask("POST", "/api/workflows/order-42/signal/paid", {}, sent("b"))

    complete(asker, first)

    (link,) = polled(asker)["observability_links"]["links"]
    assert link["context"] == shown("b", tracestate=STATE)


def test_the_context_of_an_sdk_counts_where_headers_say_nothing(asker: Asker) -> None:
    context = shown("a", baggage="tenant=blue")
    body = {"workflow_type": "order", "task_queue": "q", "observability_context": context}
    asker.ask("POST", "/api/workflows", body)

    assert polled(asker)["observability_context"] == context


def test_children_and_continued_runs_go_on_with_the_trace(asker: Asker) -> None:
    started(asker, **sent("a"))
    child = {"type": "start_child_workflow", "workflow_type": "ship", "task_queue": "q"}
    own = {**child, "workflow_type": "bill", "observability_context": shown("d")}
    complete(asker, polled(asker), child, own)

    traces = {each["workflow_type"]: each for each in (polled(asker), polled(asker))}
    assert traces["ship"]["observability_context"] == shown("a", tracestate=STATE)
    assert traces["bill"]["observability_context"] == shown("d")

    complete(asker, traces["ship"], {"type": "continue_as_new"})
    again = polled(asker)
    assert again["run_id"] != traces["ship"]["run_id"]
    assert again["observability_context"] == shown("a", tracestate=STATE)


def beside(asker: Asker, path: str, kind: str) -> dict[str, Any]:
    """The task of a request that waits for a worker meanwhile."""

    async def both() -> dict[str, Any]:
        waiting = asyncio.create_task(asker.exchange("POST", path, {}, sent("b")))
        body = {**WORKER, "timeout_seconds": 5}
        answer = await asker.exchange("POST", f"/api/worker/{kind}-tasks/poll", body)
        waiting.cancel()
        return dict(answer.body["task"])

    return asker.runner.run(both())


def test_a_query_is_answered_in_the_trace_of_who_asks(asker: Asker) -> None:
    register(asker, queries=["state"])
    started(asker, **sent("a"))

    task = beside(asker, "/api/workflows/order-42/query/state", "query")

    assert task["observability_context"] == shown("b", tracestate=STATE)


def test_an_update_is_judged_in_the_trace_of_who_asks(asker: Asker) -> None:
    register(asker, updates=["paint"], update_validators=["paint"])
    started(asker, **sent("a"))

    task = beside(asker, "/api/workflows/order-42/update/paint", "update-validation")

    assert task["observability_context"] == shown("b", tracestate=STATE)


def test_exports_and_snapshots_say_nothing_of_traces(asker: Asker) -> None:
    started(asker, **sent("a"))
    complete(asker, polled(asker))
    asker.ask("POST", "/api/workflows/order-42/signal/paid", {}, sent("b"))
    run_id = polled(asker)["run_id"]

    for path in (f"runs/{run_id}/history/export", "debug", f"runs/{run_id}/history", ""):
        answer = asker.ask("GET", f"/api/workflows/order-42/{path}".rstrip("/"))
        assert answer.status == 200
        assert parent("a")[3:35] not in answer.unpacked().decode()
        assert parent("b")[3:35] not in answer.unpacked().decode()
