"""Edits of the real contract are judged by what they mean for its users."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from durable_contracts import bundle, compare

START = "/components/schemas/workflows.start.request"
Edit = Callable[[dict[str, Any]], None]


def _start(document: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = document["components"]["schemas"]["workflows.start.request"]
    return schema


def _edited(edit: Edit) -> list[compare.Change]:
    document = copy.deepcopy(bundle.published())
    edit(document)
    return compare.diff(bundle.published(), document)


def test_a_contract_is_identical_to_itself() -> None:
    changes = _edited(lambda document: None)

    assert changes == [] and compare.verdict(changes) == compare.IDENTICAL


BREAKING: dict[str, Edit] = {
    "operation-removed": lambda d: d["paths"].pop("/api/namespaces"),
    "request-required-tightened": lambda d: _start(d)["required"].append("task_queue"),
    "request-field-removed": lambda d: _start(d)["properties"].pop("input"),
    "request-maxLength-tightened": lambda d: _start(d)["properties"]["workflow_type"].update(
        maxLength=3
    ),
    "request-type-tightened": lambda d: _start(d)["properties"]["memo"].update(type="object"),
    "request-pattern-changed": lambda d: _start(d)["properties"]["workflow_id"].update(
        pattern="^x$"
    ),
    "status-removed": lambda d: d["paths"]["/api/workflows"]["post"]["responses"].pop("409"),
    "role-removed": lambda d: d["paths"]["/api/workflows"]["post"].update({"x-roles": ["admin"]}),
}
ADDITIVE: dict[str, Edit] = {
    "operation-added": lambda d: d["paths"].update(
        {"/api/new": {"get": {"operationId": "a.b", "responses": {}}}}
    ),
    "request-field-added": lambda d: _start(d)["properties"].update(extra={"type": "string"}),
    "request-required-loosened": lambda d: _start(d).update(required=[]),
    "request-maxLength-loosened": lambda d: _start(d)["properties"]["workflow_type"].update(
        maxLength=999
    ),
}


@pytest.mark.parametrize("rule", BREAKING)
def test_an_edit_that_shuts_users_out_breaks(rule: str) -> None:
    changes = _edited(BREAKING[rule])

    assert rule in {change.rule for change in changes}
    assert compare.verdict(changes) == compare.BREAKING


@pytest.mark.parametrize("rule", ADDITIVE)
def test_an_edit_that_only_adds_is_additive(rule: str) -> None:
    changes = _edited(ADDITIVE[rule])

    assert {change.rule for change in changes} == {rule}
    assert compare.verdict(changes) == compare.ADDITIVE


def test_other_words_change_nothing() -> None:
    changes = _edited(lambda d: _start(d).update(description="other words"))

    assert {change.kind for change in changes} == {compare.WORDING}
    assert compare.verdict(changes) == compare.IDENTICAL
    assert {change.pointer for change in changes} == {START}
