"""The list of planted defects fits the server as it is, and the suite catches a sample of them."""

import json
import re
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from durable_conformance import contract, library
from durable_server.http.edge import Answer

from tests.mutants.__main__ import PERCENT_MIN
from tests.mutants.mutant import Rewrite, mutants, stale
from tests.mutants.plant import change
from tests.repo.sources import ROOT

MUTANTS_MIN = 150
# One of each kind, all of which a scenario catches within a second or two.
SAMPLE = (
    *("start-answered-200", "replies-without-request-id", "gate-of-roles-off"),
    *("duplicate-starts-anew", "history-with-an-event-twice", "cursor-skips-a-run"),
    *("owner-of-workflow-task-not-checked", "retry-off-by-one", "commands-after-the-end"),
    *("signals-in-reverse", "closed-runs-cancelled", "query-owner-not-checked"),
)


def test_the_list_is_long_and_names_clauses_that_there_are() -> None:
    names = Counter(mutant.id for mutant in mutants())

    assert [name for name, count in names.items() if count > 1] == []
    assert len(names) >= MUTANTS_MIN
    assert {mutant.clause for mutant in mutants()} <= set(library.load().clauses)


def test_every_defect_can_still_be_planted() -> None:
    # A defect is a text of the server: who changes that text moves the defect along.
    assert stale() == {}


def test_every_changed_operation_is_one_of_the_contract() -> None:
    named = {each.answer.operation for each in mutants() if each.answer is not None}

    assert {name for name in named if "*" not in name} <= set(contract.operations())


@pytest.mark.parametrize(
    ("rewrite", "body", "changed"),
    [
        ({"drop": ("a.b",)}, {"a": {"b": 1, "c": 2}}, {"a": {"c": 2}}),
        ({"drop": ("a.*.b",)}, {"a": [{"b": 1}, {"c": 2}]}, {"a": [{}, {"c": 2}]}),
        ({"put": {"a.b": 3}}, {"a": {}}, {"a": {"b": 3}}),
        ({"reverse": "a"}, {"a": [1, 2]}, {"a": [2, 1]}),
        ({"shorten": "a"}, {"a": [1, 2]}, {"a": [1]}),
        ({"double": "a"}, {"a": [1, 2]}, {"a": [1, 1, 2]}),
    ],
)
def test_an_answer_is_changed_as_it_is_said(
    rewrite: dict[str, Any], body: Any, changed: Any
) -> None:
    answer = Answer(200, [(b"content-length", b"9"), (b"x-a", b"1")], json.dumps(body).encode())

    change(Rewrite("*", status=201, headers={"X-A": None}, **rewrite), answer)

    assert answer.status == 201
    assert json.loads(answer.body) == changed
    assert answer.headers == [(b"content-length", str(len(answer.body)).encode())]


def held(*arguments: str) -> str:
    """What `python -m tests.mutants` says; a process that has not imported the server yet."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutants", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


def test_the_suite_catches_a_sample() -> None:
    said = held("--trust", *SAMPLE)

    assert f"{len(SAMPLE)} of {len(SAMPLE)} mutants caught" in said, said


@pytest.mark.long
def test_the_suite_catches_nearly_all_and_the_honest_server_passes() -> None:
    said = held()

    found = re.search(r"of [0-9]+ mutants caught \(([0-9.]+) %\)", said)
    assert found is not None, said
    assert float(found[1]) >= PERCENT_MIN, said
