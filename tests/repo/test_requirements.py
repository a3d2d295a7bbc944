"""Every founding requirement has a check: a scenario of the suite, or a test that is named here."""

import ast
from pathlib import Path

import yaml
from durable_conformance import library

from tests.repo.sources import ROOT

ELSEWHERE = yaml.safe_load((Path(__file__).parent / "requirements.yaml").read_text())
EXIST, _ = library.required_numbers()


def test_every_requirement_has_a_check() -> None:
    in_scenarios = {
        number for scenario in library.load().scenarios for number in scenario.requirement
    }

    assert sorted(EXIST - in_scenarios - set(ELSEWHERE)) == []
    assert sorted(in_scenarios & set(ELSEWHERE)) == []


def test_the_named_tests_exist() -> None:
    for number, names in ELSEWHERE.items():
        assert names, number
        for name in names:
            file, _, function = name.partition("::")
            tree = ast.parse((ROOT / file).read_text())
            assert function in {
                node.name
                for node in tree.body
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            }, name
