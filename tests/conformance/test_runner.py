"""The runner against a toy server that misbehaves on purpose: verdicts, reports, exit status."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from durable_conformance import check, expect
from durable_conformance.cli import app
from durable_conformance.client import Client
from durable_conformance.judging import histories
from durable_conformance.library import schema
from durable_conformance.runner import Limits, run_one
from durable_conformance.scenario import scenario_of
from durable_conformance.target import Target
from durable_conformance.verdict import Broken, Undecided, Verdict, worst
from durable_contracts.defect import Defect
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from tests.conformance.toy_server import HEALTHY, JSON, toy_server

GOOD = {"GET /api/health": (200, JSON, HEALTHY)}
SECRET = "a-very-secret-token"


def a_scenario(*needs: str, **call: Any) -> Any:
    step = {"operation": "health.health", "expect": {"status": 200}, **call}
    document = {
        "id": "health/toy",
        "clause": "HT-1",
        "requirement": ["R001"],
        "title": "the toy answers as it is told",
        "profile": "core",
        "steps": [{"call": step}],
    }
    if needs:
        document["needs"] = list(needs)
    return scenario_of(document, "toy.yaml")


def outcome(answers: dict[str, Any], scenario: Any) -> Any:
    with toy_server(answers) as url:
        client = Client(Target(url))
        try:
            return run_one(scenario, client)
        finally:
            client.close()


def test_a_kept_promise_passes():
    assert outcome(GOOD, a_scenario()).verdict is Verdict.PASS


@pytest.mark.parametrize(
    "answer",
    [
        (200, JSON, {"status": "asleep", "timestamp": "2026-04-13T12:00:00+00:00"}),
        (200, JSON, {"status": "serving"}),
        (200, {"Content-Type": "text/plain"}, HEALTHY),
        (200, JSON, b"{"),
        (204, JSON, HEALTHY),
        (503, JSON, {**HEALTHY, "status": "degraded"}),
    ],
)
def test_a_broken_promise_fails_with_its_exchange(answer):
    result = outcome({"GET /api/health": answer}, a_scenario())

    assert result.verdict is Verdict.FAIL
    assert result.reason


@pytest.mark.parametrize(
    ("sequence", "payload", "told"),
    [
        (2, {"result": "r"}, "SideEffectRecorded"),
        (3, {"sequence": 1, "result": "r", "payload_codec": "json"}, "gap"),
    ],
)
def test_a_history_with_a_wrong_event_is_a_broken_promise(sequence, payload, told):
    event = {"event_type": "SideEffectRecorded"}
    good = {"sequence": 1, "result": "r", "payload_codec": "json"}
    events = [{**event, "sequence": 1, "payload": good}]
    events.append({**event, "sequence": sequence, "payload": payload})

    problems = list(histories.flaws({"events": events}))

    assert list(histories.flaws({"events": events[:1]})) == []
    assert len(problems) == 1
    assert told in problems[0][2]


def test_what_is_not_advertised_is_unsupported():
    assert outcome(GOOD, a_scenario("command:fly")).verdict is Verdict.UNSUPPORTED


def test_what_the_caller_left_out_is_skipped():
    assert outcome(GOOD, a_scenario("credential:admin")).verdict is Verdict.SKIPPED


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [(10, Verdict.PASS), (30, Verdict.UNSUPPORTED), (None, Verdict.UNSUPPORTED)],
)
def test_what_waits_for_a_long_limit_of_the_target_is_left_out(
    seconds: int | None, verdict: Verdict
) -> None:
    stated = {"query_task_timeouts": {"control_plane_timeout_seconds": seconds}}
    with toy_server(GOOD) as url:
        known = {"worker_protocol": {"server_capabilities": stated}} if seconds else {}
        client = Client(Target(url, advertised=known))
        try:
            assert run_one(a_scenario("brief:queries"), client).verdict is verdict
        finally:
            client.close()


def test_an_unknown_name_is_the_suites_own_error():
    scenario = a_scenario(expect={"status": "{nobody}"})

    assert outcome(GOOD, scenario).verdict is Verdict.ERROR


def test_the_worst_verdict_counts():
    assert worst([Verdict.PASS, Verdict.ERROR, Verdict.FAIL]) is Verdict.ERROR
    assert worst([]) is Verdict.SKIPPED


@pytest.mark.parametrize(
    ("wanted", "fits", "differs"),
    [
        ({"any": "integer"}, 1, True),
        ({"any": ["string", "null"]}, None, 1),
        ({"matches": "^a"}, "ab", "ba"),
        ({"length": 2}, [1, 2], [1]),
        ({"one_of": [1, 2]}, 2, 3),
        ({"all_of": [{"any": "string"}, {"contains": "b"}]}, "abc", "ac"),
        ({"not": 1}, 2, 1),
        ({"contains": {"a": 1}}, [{"a": 1, "b": 2}], [{"a": 2}]),
        ({"each": {"any": "string"}}, ["a"], [1]),
        ({"equals": {"a": 1}}, {"a": 1}, {"a": 1, "b": 2}),
        ({"at_least": 2}, 2, 1),
        ({"at_most": 2}, 2, 3),
        ({"later_than": "2026-01-01"}, "2026-01-02", "2026-01-01"),
        ({"a": {"absent": True}}, {"b": 1}, {"a": 1}),
        ({"a": 1, "b": [1]}, {"a": 1, "b": [1], "c": 2}, {"a": 1, "b": [1, 2]}),
        (1, 1, True),
    ],
)
def test_a_matcher_tells_what_fits(wanted, fits, differs):
    assert expect.mismatches(wanted, fits, "it") == []
    assert expect.mismatches(wanted, differs, "it")


def test_an_expectation_names_every_difference():
    with pytest.raises(Broken, match=r"status.*header X.*body\.a"):
        expect.check({"status": 201, "headers": {"X": "1"}, "body": {"a": 1}}, 200, {}, {})
    with pytest.raises(Undecided):
        expect.mismatches({"any": "nonsense"}, 1, "it")


def test_a_scenario_outside_the_format_is_a_defect():
    with pytest.raises(Defect):
        scenario_of({"id": "Not An Id"}, "bad.yaml")


def test_the_suites_own_files_are_in_order():
    assert check.problems() == []


def run_suite(tmp_path: Path, answer: Any, *more: str) -> Any:
    with toy_server({"GET /api/health": answer}) as url:
        arguments = [
            *("run", "--server", url, "--token", SECRET, "--only", "health/answers-*"),
            *("--jsonl", str(tmp_path / "r.jsonl"), "--junit", str(tmp_path / "r.xml")),
            *("--markdown", str(tmp_path / "r.md"), "--badge", str(tmp_path / "badge.json")),
        ]
        return CliRunner().invoke(app, [*arguments, *more])


def lines_of(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]


def test_the_reports_keep_their_schemas(tmp_path):
    result = run_suite(tmp_path, (200, JSON, HEALTHY))

    assert result.exit_code == 0, result.output
    lines = lines_of(tmp_path)
    assert [line["kind"] for line in lines] == ["header", "result", "footer"]
    for line in lines:
        Draft202012Validator(schema("report-line")).validate(line)
    badge = json.loads((tmp_path / "badge.json").read_text())
    Draft202012Validator(schema("badge")).validate(badge)
    suites = ElementTree.parse(tmp_path / "r.xml").getroot()
    assert suites.attrib["tests"] == "1"


def test_a_failure_exits_with_1_and_leaves_no_credential_in_any_report(tmp_path):
    leaking = {**HEALTHY, "status": SECRET}

    result = run_suite(tmp_path, (200, {**JSON, "X-Leak": SECRET}, leaking))

    assert result.exit_code == 1
    assert SECRET not in result.output
    written = [path.read_text() for path in tmp_path.iterdir()]
    assert len(written) == 4
    assert all(SECRET not in text for text in written)


def test_a_known_failure_is_reported_and_forgiven(tmp_path):
    known = tmp_path / "known.yaml"
    known.write_text("known_failures: {health/answers-without-credentials: is being repaired}")
    bad = (200, JSON, {**HEALTHY, "status": "asleep"})

    assert run_suite(tmp_path, bad, "--known-failures", str(known)).exit_code == 0
    passed = run_suite(tmp_path, (200, JSON, HEALTHY), "--known-failures", str(known))
    assert "known failure passes now" in passed.output


def test_nobody_at_the_address_exits_with_2():
    with toy_server({}) as url:
        closed = url
    assert CliRunner().invoke(app, ["run", "--server", closed]).exit_code == 2
    assert CliRunner().invoke(app, ["run"]).exit_code == 2


def test_a_scenario_ends_when_its_time_is_over():
    with toy_server(GOOD) as url:
        client = Client(Target(url))
        try:
            late = run_one(a_scenario(), client, Limits(ends_at=0.0))
        finally:
            client.close()

    assert late.verdict is Verdict.ERROR
    assert "the time for it was over" in late.reason
