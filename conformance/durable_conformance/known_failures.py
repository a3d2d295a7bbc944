"""Failures that a target's makers know of: reported, but no reason for a bad exit status."""

from pathlib import Path
from typing import Any

from durable_contracts import reading
from durable_contracts.defect import Defect
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from durable_conformance.library import schema


def load(path: Path, scenario_ids: set[str]) -> dict[str, str]:
    """Scenario id to reason; an id that the suite does not have is a Defect."""
    document: Any = reading.read(path)
    problem = best_match(Draft202012Validator(schema("known-failures")).iter_errors(document))
    if problem is not None:
        raise Defect(f"{path}#{reading.pointer(*problem.absolute_path)}", problem.message)
    known: dict[str, str] = document["known_failures"]
    for scenario_id in known:
        if scenario_id not in scenario_ids:
            raise Defect(str(path), f"the suite has no scenario {scenario_id}")
    return known
