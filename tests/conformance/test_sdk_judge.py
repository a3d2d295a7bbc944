"""The judge of SDKs against a worker that is told how to misbehave, without any SDK."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from durable_conformance import library
from durable_conformance.contract import operations
from durable_conformance.sdk import payloads
from durable_conformance.sdk.adversity import Adversity, chosen
from durable_conformance.sdk.case import Case, cases
from durable_conformance.sdk.court import Court
from durable_conformance.sdk.play import judge
from durable_conformance.sdk.service import Service, cluster_info
from durable_conformance.verdict import Verdict
from durable_contracts import events
from jsonschema import Draft202012Validator

Commands = list[dict[str, Any]]
Answer = Callable[[dict[str, Any]], Commands]
WORKER = {"worker_id": "w", "task_queue": "judge"}
TYPES = sorted({case.type for case in cases() if case.kind == "workflow"})


def case_of(id_: str) -> Case:
    return next(case for case in cases() if case.id == id_)


def value(blob: str) -> Any:
    return payloads.decode(blob, "avro")


def envelope(given: Any) -> dict[str, str]:
    return payloads.envelope(given, "avro")


def sequence(task: dict[str, Any]) -> Commands:
    """`judge.sequence`, as a worker without any SDK carries it out."""
    ended = [each for each in task["history_events"] if each["event_type"] == "ActivityCompleted"]
    results = [value(each["payload"]["result"]) for each in ended]
    if len(results) == 2:
        return [{"type": "complete_workflow", "result": envelope(results[1])}]
    [number] = payloads.opened(task["arguments"]) if not results else [results[-1]]
    step = {"type": "schedule_activity", "activity_type": "judge.double"}
    return [{**step, "arguments": envelope([number])}]


@contextmanager
def working(answer: Answer) -> Iterator[Court]:
    """A court with a worker that answers every workflow task as it is told."""
    court = Court()
    service = Service("127.0.0.1", 0, court)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    headers = {"X-Durable-Workflow-Protocol-Version": "1.20"}
    client = httpx.Client(base_url=service.url, headers=headers, timeout=30)
    body = {**WORKER, "runtime": "python", "supported_workflow_types": TYPES}
    assert client.post("/api/worker/register", json=body).status_code == 201
    ended = threading.Event()
    worker = threading.Thread(target=work, args=(client, answer, ended), daemon=True)
    worker.start()
    yield court
    ended.set()
    court.close()
    worker.join(30)
    client.close()
    service.shutdown()
    service.server_close()


def work(client: httpx.Client, answer: Answer, ended: threading.Event) -> None:
    while not ended.is_set():
        told = client.post("/api/worker/workflow-tasks/poll", json={**WORKER, "timeout_seconds": 5})
        task = told.json()["task"]
        if task is None:
            continue
        lease = {name: task[name] for name in ("lease_owner", "workflow_task_attempt")}
        path = f"/api/worker/workflow-tasks/{task['task_id']}"
        while task["next_history_page_token"]:
            body = {**lease, "next_history_page_token": task["next_history_page_token"]}
            page = client.post(f"{path}/history", json=body).json()
            task["history_events"] += page["history_events"]
            task["next_history_page_token"] = page["next_history_page_token"]
        body = {**lease, "commands": answer(task)}
        try:
            client.post(f"{path}/complete", json=body)
        except httpx.TransportError:
            # The answer was lost, as it may be; the completion counts all the same.
            continue


def verdict(id_: str, answer: Answer, seed: int | None = None) -> tuple[Verdict, str]:
    with working(answer) as court:
        result = judge(court, case_of(id_), "judge", seed, 5.0)
    return result.verdict, result.reason


def test_a_worker_that_does_right_passes_whatever_goes_wrong() -> None:
    # Between them these seeds have everything go wrong that can.
    seeds = (None, *range(12))
    weather = {chosen(seed, "sequence", turn, "workflow") for seed in seeds for turn in (1, 2, 3)}
    assert weather == set(Adversity)
    with working(sequence) as court:
        results = [judge(court, case_of("sequence"), "judge", seed, 5.0) for seed in seeds]
        tasks = court.tasks()

    assert [result.reason for result in results if result.verdict is not Verdict.PASS] == []
    assert court.problems == []
    schema = operations()["workflow_tasks.poll"].responses[200] or {}
    defs = {"$ref": "#/$defs/workflow_tasks.task", "$defs": schema["$defs"]}
    validator = Draft202012Validator(defs)
    for task in tasks:
        assert [problem.message for problem in validator.iter_errors(task)] == []
        for event in task["history_events"]:
            assert list(events.payload_problems(event["event_type"], event["payload"])) == []


def no_commands(task: dict[str, Any]) -> Commands:
    return []


def twice(task: dict[str, Any]) -> Commands:
    return [*sequence(task), *sequence(task)]


def one_too_many(task: dict[str, Any]) -> Commands:
    wrong = sequence(task)
    if "arguments" in wrong[0]:
        wrong[0]["arguments"] = envelope([4])
    return wrong


def without_a_type(task: dict[str, Any]) -> Commands:
    return [{"activity_type": "judge.double"}]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (no_commands, "has 0 items"),
        (twice, "has 2 items"),
        (one_too_many, "arguments"),
        (without_a_type, "breaks the contract"),
    ],
)
def test_a_worker_that_does_wrong_fails_with_the_reason(answer: Answer, told: str) -> None:
    found, reason = verdict("sequence", answer)

    assert found is Verdict.FAIL
    assert told in reason


def test_a_replay_that_brings_other_commands_is_found_out() -> None:
    seed = next(
        seed for seed in range(100) if chosen(seed, "echo", 1, "workflow") is Adversity.AGAIN
    )
    answers = iter(range(1000))

    def another_each_time(task: dict[str, Any]) -> Commands:
        return [{"type": "complete_workflow", "result": envelope(f"hello {next(answers)}")}]

    found, reason = verdict("echo", another_each_time, seed)

    assert found is Verdict.FAIL
    assert "other commands" in reason


def test_what_no_worker_has_is_unsupported() -> None:
    court = Court()
    court.register("w", {"supported_workflow_types": []}, "1.20")

    assert judge(court, case_of("echo"), "judge", None, 1.0).verdict is Verdict.UNSUPPORTED


def test_what_the_judge_says_of_itself_keeps_the_contract() -> None:
    schema = operations()["cluster.info"].responses[200] or {}

    problems = Draft202012Validator(schema).iter_errors(cluster_info("1.20"))

    assert [f"{each.json_path}: {each.message}" for each in problems] == []


def test_cases_are_in_order() -> None:
    ids = [case.id for case in cases()]
    exist, _ = library.required_numbers()
    clauses = library.load().clauses

    assert {case.clause for case in cases()} <= set(clauses)
    assert {number for case in cases() for number in case.requirement} <= exist

    assert len(ids) == len(set(ids))
    assert len(ids) >= 20
    assert all(case.turns and case.title[0].islower() for case in cases())
    assert json.dumps([case.input for case in cases()])
