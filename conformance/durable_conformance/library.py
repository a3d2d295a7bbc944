"""The suite's own files: scenarios, clauses, requirements, profiles, schemas."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from durable_contracts import reading
from durable_contracts.defect import Defect

from durable_conformance.scenario import Scenario, scenario_of

ROOT = Path(__file__).resolve().parent
SCENARIOS = "scenarios"


@dataclass(frozen=True)
class Profile:
    """A claim that a server can make, and the scenarios that bear it out."""

    name: str
    title: str
    claim: str


@dataclass(frozen=True)
class Library:
    """Everything that a run needs to know about the suite itself."""

    scenarios: tuple[Scenario, ...]
    profiles: tuple[Profile, ...]
    clauses: dict[str, str]
    defects: tuple[str, ...] = ()


def load(root: Path = ROOT) -> Library:
    """Read a suite; files that cannot be read are defects, not exceptions."""
    scenarios: list[Scenario] = []
    defects: list[str] = []
    for path in reading.files(root / SCENARIOS, ".yaml"):
        label = path.relative_to(root).as_posix()
        try:
            scenarios.append(scenario_of(reading.read(path), label))
        except Defect as defect:
            defects.append(str(defect))
    return Library(
        tuple(sorted(scenarios, key=lambda scenario: scenario.id)),
        tuple(_profiles(root, defects)),
        _clauses(root, defects),
        tuple(defects),
    )


@cache
def schema(name: str) -> dict[str, Any]:
    """One of the published schemas of this suite."""
    document: dict[str, Any] = reading.read(ROOT / "schemas" / f"{name}.schema.json")
    return document


def required_numbers(root: Path = ROOT) -> tuple[set[str], set[str]]:
    """The requirement numbers that exist, and those that must have a scenario."""
    document = reading.read(root / "requirements.yaml")
    return set(_spread(document["exist"])), set(_spread(document["covered"]))


def _spread(ranges: list[str]) -> list[str]:
    numbers = []
    for text in ranges:
        first, _, last = str(text).partition("-")
        for number in range(int(first[1:]), int((last or first)[1:]) + 1):
            numbers.append(f"R{number:03d}")
    return numbers


def _profiles(root: Path, defects: list[str]) -> list[Profile]:
    found = []
    for path in reading.files(root / "profiles", ".yaml"):
        try:
            found.append(Profile(**reading.read(path)))
        except (Defect, TypeError) as error:
            defects.append(f"{path.name}: {error}")
    return found


def _clauses(root: Path, defects: list[str]) -> dict[str, str]:
    try:
        clauses: dict[str, str] = reading.read(root / "clauses.yaml")
    except Defect as defect:
        defects.append(str(defect))
        return {}
    return clauses
