"""Operations, handlers and scenarios know each other; so do reasons and the code."""

import ast
import importlib
import inspect
import re
from functools import cache
from typing import Any

import pytest
import yaml
from durable_contracts import bundle, refusals
from durable_contracts.operations import operations_of

from tests.repo.sources import ROOT, modules

OPERATIONS = operations_of(bundle.published())
IDS = [each.operation_id for each in OPERATIONS]
SCENARIOS = ROOT / "conformance" / "durable_conformance" / "scenarios"
# Steps that name no operation because they stand for one.
STEPS = {
    "start_workflow": {"workflows.start"},
    "register_worker": {"workers.register"},
    "poll": {"workflow_tasks.poll", "activity_tasks.poll", "query_tasks.poll"},
    "complete": {"workflow_tasks.complete", "activity_tasks.complete", "query_tasks.complete"},
}


def named(value: Any) -> set[str]:
    """The operations that a part of a scenario calls."""
    if isinstance(value, list):
        return set().union(*map(named, value))
    if not isinstance(value, dict):
        return set()
    stated = str(value.get("operation", ""))
    # A body has operations too, those of the control plane; ours have a stem and a dot.
    found = {stated} if "." in stated else set()
    for key, inner in value.items():
        found |= STEPS.get(key, set()) | named(inner)
    return found


@cache
def called() -> frozenset[str]:
    """Every operation that a scenario calls; read once, for hundreds of scenarios take a while."""
    return frozenset().union(
        *(named(yaml.safe_load(p.read_text())) for p in SCENARIOS.rglob("*.yaml"))
    )


@pytest.mark.parametrize("operation_id", IDS)
def test_an_operation_has_a_handler(operation_id: str) -> None:
    stem, _, name = operation_id.partition(".")
    handler = getattr(importlib.import_module(f"durable_server.handlers.{stem}"), name)

    assert inspect.iscoroutinefunction(handler)
    assert next(iter(inspect.signature(handler).parameters)) == "call"


def test_a_handler_has_an_operation() -> None:
    handlers = {
        f"{module.rpartition('.')[2]}.{node.name}"
        for module, tree in modules("durable_server").items()
        if module.startswith("durable_server.handlers.")
        for node in tree.body
        if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_")
    }

    assert handlers == set(IDS)


@pytest.mark.parametrize("operation_id", IDS)
def test_an_operation_has_a_scenario(operation_id: str) -> None:
    assert operation_id in called()


def test_scenarios_call_operations_that_exist() -> None:
    assert called() <= set(IDS)


@cache
def reasons_given() -> tuple[set[str], set[str]]:
    """Reasons that the server's code names, and the patterns of those that it composes."""
    whole, composed = {"validation_failed"}, set()
    for tree in modules("durable_server").values():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refusal"):
                continue
            reason = node.args[0]
            if isinstance(reason, ast.Constant):
                whole.add(str(reason.value))
            elif isinstance(reason, ast.JoinedStr):
                parts = [
                    re.escape(str(part.value)) if isinstance(part, ast.Constant) else "[a-z_]+"
                    for part in reason.values
                ]
                composed.add("".join(parts))
            else:
                raise AssertionError(f"a reason that cannot be told: {ast.unparse(node)}")
    return whole, composed


def test_every_reason_of_the_code_is_in_the_catalogue() -> None:
    whole, composed = reasons_given()
    catalogue = set(refusals.load())

    assert whole - catalogue == set()
    assert [
        each for each in composed if not any(re.fullmatch(each, known) for known in catalogue)
    ] == []


def test_every_reason_of_the_catalogue_is_given_by_the_code() -> None:
    whole, composed = reasons_given()

    assert [
        known
        for known in refusals.load()
        if known not in whole and not any(re.fullmatch(each, known) for each in composed)
    ] == []
