"""The suite checks its own files: unique ids, one clause, factual titles, names that exist."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from durable_conformance import contract
from durable_conformance.library import ROOT, Library, load, required_numbers
from durable_conformance.scenario import Scenario
from durable_conformance.steps.poll import TASK_NAMES

# Titles state facts in the present tense: they neither wish nor narrate nor talk about the test.
_NO_FACT = re.compile(
    r"\b(should|shall|must|will|would|test|tests|check|checks|verify|verifies|ensure|ensures)\b",
    re.IGNORECASE,
)
_STEPS_WITH_OPERATION = ("begin", "call", "wait_until")
_NAMES = re.compile(r"\{([a-z_][a-z0-9_]*)(?:\.[A-Za-z0-9_-]+)*\}")
_GIVEN = frozenset({"unique", "workflow", "queue", "worker", "namespace", "server"})


def problems(root: Path = ROOT) -> list[str]:
    """Everything that is wrong with the suite's files; empty when nothing is."""
    library = load(root)
    exist, covered = required_numbers(root)
    found = list(library.defects)
    found += _twice(library)
    for scenario in library.scenarios:
        found += [f"{scenario.file}: {text}" for text in _of_one(scenario, library, exist)]
    found += _unused(library, covered)
    return found


def _twice(library: Library) -> list[str]:
    ids = Counter(scenario.id for scenario in library.scenarios)
    titles = Counter(scenario.title for scenario in library.scenarios)
    found = [f"the id {name} is there {count} times" for name, count in ids.items() if count > 1]
    return found + [
        f"the title {title!r} is there {count} times"
        for title, count in titles.items()
        if count > 1
    ]


def _of_one(scenario: Scenario, library: Library, exist: set[str]) -> Iterator[str]:
    if scenario.file != f"scenarios/{scenario.id}.yaml":
        yield f"the id {scenario.id} belongs into scenarios/{scenario.id}.yaml"
    if scenario.clause not in library.clauses:
        yield f"there is no clause {scenario.clause}"
    if scenario.profile not in {profile.name for profile in library.profiles}:
        yield f"there is no profile {scenario.profile}"
    for number in scenario.requirement:
        if number not in exist:
            yield f"there is no requirement {number}"
    if scenario.title[0].isupper() or scenario.title.endswith("."):
        yield "a title is written small and without a full stop"
    if _NO_FACT.search(scenario.title):
        yield "a title states a fact in the present tense"
    yield from _operations(scenario)
    yield from _names(scenario)


def _operations(scenario: Scenario) -> Iterator[str]:
    for name, step in scenario.steps:
        calls = step["calls"] if name == "together" else [step]
        for call in calls:
            operation = call.get("operation")
            if name in (*_STEPS_WITH_OPERATION, "together") and not _exists(operation):
                yield f"the contract has no operation {operation}"


def _exists(operation: Any) -> bool:
    return operation in contract.operations()


def _names(scenario: Scenario) -> Iterator[str]:
    known = set(_GIVEN)
    for name, step in scenario.steps:
        for used in sorted(set(_NAMES.findall(str(step))) - known):
            yield f"step {name} uses {{{used}}}, which no step before it saved"
        known |= set(step.get("save", {}))
        known |= {step["as"]} if "as" in step else set()
        known |= {rule["as"] for rule in step.get("times", ()) if "as" in rule}
        if name == "poll":
            known.add(TASK_NAMES[step["kind"]])


def _unused(library: Library, covered: set[str]) -> Iterator[str]:
    clauses = {scenario.clause for scenario in library.scenarios}
    for clause in library.clauses:
        if clause not in clauses:
            yield f"clause {clause} has no scenario"
    numbers = {number for scenario in library.scenarios for number in scenario.requirement}
    for number in sorted(covered - numbers):
        yield f"requirement {number} has no scenario"
    profiles = {scenario.profile for scenario in library.scenarios}
    for profile in library.profiles:
        if profile.name not in profiles:
            yield f"profile {profile.name} has no scenario"
