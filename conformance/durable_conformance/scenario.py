"""A scenario as a value: one sentence of the protocol, and the steps that check it."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from durable_contracts import reading
from durable_contracts.defect import Defect
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

_SCHEMA = Path(__file__).resolve().parent / "schemas" / "scenario.schema.json"

Step = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Scenario:
    """One case of the suite."""

    id: str
    clause: str
    requirement: tuple[str, ...]
    title: str
    profile: str
    needs: tuple[str, ...]
    steps: tuple[Step, ...]
    file: str

    @property
    def stem(self) -> str:
        """The noun that the scenario tests; also its folder."""
        return self.id.split("/")[0]


def scenario_of(document: Any, file: str) -> Scenario:
    """Turn a scenario file into a value; a file that breaks the format is a Defect."""
    problem = best_match(_validator().iter_errors(document))
    if problem is not None:
        raise Defect(f"{file}#{reading.pointer(*problem.absolute_path)}", problem.message[:300])
    return Scenario(
        id=document["id"],
        clause=document["clause"],
        requirement=tuple(document["requirement"]),
        title=document["title"],
        profile=document["profile"],
        needs=tuple(document.get("needs", ())),
        steps=tuple(_steps(document["steps"])),
        file=file,
    )


def _steps(listed: list[dict[str, Any]]) -> list[Step]:
    return [next(iter(step.items())) for step in listed]


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(reading.read(_SCHEMA))
