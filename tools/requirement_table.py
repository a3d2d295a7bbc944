"""The table of requirements: by number, the operations, schemas, scenarios and tests that hold it.

Derived from the scenarios of the conformance suite and from `tests/repo/requirements.yaml`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from durable_conformance import library
from durable_contracts import bundle, reading

ROOT = Path(__file__).resolve().parents[1]
ELSEWHERE = ROOT / "tests" / "repo" / "requirements.yaml"
_SCHEMAS = "#/components/schemas/"
# Steps that name no operation because they stand for one.
_STEPS = {
    "start_workflow": lambda step: ["workflows.start"],
    "register_worker": lambda step: ["workers.register"],
    "poll": lambda step: [f"{step.get('kind', 'workflow')}_tasks.poll"],
    "complete": lambda step: [f"{step.get('kind', 'workflow')}_tasks.complete"],
}


def table() -> str:
    """The table as it stands in its file."""
    known = library.load()
    numbers, _ = library.required_numbers()
    tests = yaml.safe_load(ELSEWHERE.read_text())
    schemas = _schemas_by_operation()
    written = map(reading.read, reading.files(library.ROOT / library.SCENARIOS, ".yaml"))
    calls = {each["id"]: set(_called(each)) for each in written}
    rows = []
    for number in sorted(numbers):
        scenarios = [each for each in known.scenarios if number in each.requirement]
        called = {name for each in scenarios for name in calls[each.id]}
        rows.append(
            {
                "number": number,
                "operations": [
                    {"operation": name, "schemas": schemas[name]}
                    for name in sorted(called & set(schemas))
                ],
                "scenarios": [{"id": each.id, "clause": each.clause} for each in scenarios],
                "tests": tests.get(number, []),
            }
        )
    return json.dumps({"requirements": rows}, indent=1) + "\n"


def _called(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _called(item)
    elif isinstance(node, dict):
        stated = str(node.get("operation", ""))
        if "." in stated:
            yield stated
        for key, inner in node.items():
            if key in _STEPS and isinstance(inner, dict):
                yield from _STEPS[key](inner)
            yield from _called(inner)


def _schemas_by_operation() -> dict[str, list[str]]:
    document = bundle.published()
    found = {}
    for item in document["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict) and "operationId" in operation:
                held = _named(operation.get("requestBody", {})), _named(operation["responses"])
                found[operation["operationId"]] = sorted({*held[0], *held[1]})
    return found


def _named(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        reference = str(node.get("$ref", ""))
        if reference.startswith(_SCHEMAS):
            yield reference.removeprefix(_SCHEMAS)
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from _named(item)
