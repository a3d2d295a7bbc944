"""The judge of SDKs on official releases: what each answers to prepared tasks, in fair weather and
in foul. A deviation is a finding about the release; `docs/validate-your-sdk.md` tells of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from durable_conformance.cli import app
from durable_conformance.library import schema
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from tests.sdk.environments import LEADING, python_for
from tests.sdk.fleet import PROGRAMS, path_for

pytestmark = pytest.mark.sdk
# 0.2.0 has no class for the failure of an activity: workflow code never learns of it, and asks for
# the same activity again.
DEVIATIONS = {"0.2.0": {"sdk/uncaught-failure"}}
CANNOT = {
    "0.2.0": {
        *("sdk/caught-failure", "sdk/signal-wait", "sdk/signals-before-the-first-task"),
        *("sdk/update", "sdk/query", "sdk/query-that-nobody-knows"),
    }
}


def judged(release: str, folder: Path, *flags: str) -> dict[str, str]:
    """The verdicts on a release that are no pass, by case."""
    report = folder / "report.jsonl"
    worker = (str(python_for(release)), str(PROGRAMS / "judged.py"))
    url = "{url}" + path_for(release)
    given = ["sdk", "--listen", "127.0.0.1:0", "--jsonl", str(report), *flags]
    outcome = CliRunner().invoke(app, [*given, "--", *worker, url, "{queue}"])
    assert report.exists(), outcome.output
    lines: list[dict[str, Any]] = [json.loads(line) for line in report.read_text().splitlines()]
    for line in lines:
        Draft202012Validator(schema("report-line")).validate(line)
    results = [line for line in lines if line["kind"] == "result"]
    assert len(results) > 20
    return {line["id"]: line["verdict"] for line in results if line["verdict"] != "pass"}


@pytest.mark.parametrize("weather", [(), ("--seed", "1")], ids=["fair", "foul"])
@pytest.mark.parametrize("release", LEADING)
def test_a_release_answers_what_it_must(
    release: str, weather: tuple[str, ...], tmp_path: Path
) -> None:
    left = judged(release, tmp_path, *weather)

    assert {id_ for id_, verdict in left.items() if verdict == "fail"} == DEVIATIONS.get(
        release, set()
    )
    assert {id_ for id_, verdict in left.items() if verdict == "unsupported"} == CANNOT.get(
        release, set()
    )


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 12))
@pytest.mark.parametrize("release", LEADING)
def test_whatever_goes_wrong_a_release_answers_what_it_must(
    release: str, seed: int, tmp_path: Path
) -> None:
    left = judged(release, tmp_path, "--seed", str(seed))

    failed = {id_ for id_, verdict in left.items() if verdict == "fail"}
    assert failed == DEVIATIONS.get(release, set())
