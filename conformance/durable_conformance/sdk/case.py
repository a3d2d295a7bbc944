"""A case: a run of a workflow that the SDK's author has registered, told turn by turn.

Each turn is a workflow task: what the run was told since the last one, and the commands that must
come back. Cases of `kind: activity` and `kind: query` have one turn.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from durable_contracts.defect import Defect

CASES = Path(__file__).resolve().parent / "cases"
KINDS = ("workflow", "activity", "query")


@dataclass(frozen=True)
class Turn:
    """One task. `told`: moves of the history before it; `expect`: what must come back."""

    told: tuple[dict[str, Any], ...]
    expect: Any
    task: dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One case; `type` is the workflow type, or the activity type, that a worker must have."""

    id: str
    clause: str
    requirement: tuple[str, ...]
    title: str
    kind: str
    type: str
    input: list[Any]
    turns: tuple[Turn, ...]
    name: str = ""

    @property
    def profile(self) -> str:
        """What reports group it under."""
        return "sdk"


@cache
def cases() -> tuple[Case, ...]:
    """Every case, by id."""
    found = []
    for path in sorted(CASES.glob("*.yaml")):
        for document in yaml.safe_load(path.read_text(encoding="utf-8")):
            found.append(_case(document, path.name))
    return tuple(sorted(found, key=lambda case: case.id))


def _case(document: dict[str, Any], file: str) -> Case:
    kind = next((kind for kind in KINDS if kind in document), None)
    if kind is None:
        raise Defect(file, f"{document.get('id')} says neither {', '.join(KINDS)}")
    return Case(
        id=document["id"],
        clause=document["clause"],
        requirement=tuple(document["requirement"]),
        title=document["title"],
        kind=kind,
        type=document[kind],
        input=document.get("input", []),
        turns=tuple(_turn(turn) for turn in document["turns"]),
        name=document.get("name", ""),
    )


def _turn(document: dict[str, Any]) -> Turn:
    return Turn(tuple(document.get("told", ())), document["expect"], document.get("task", {}))
