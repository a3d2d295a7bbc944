"""Edits of what our contract does not use, on both ways: each has its rule."""

from collections.abc import Callable
from typing import Any

import pytest
from durable_contracts import compare

from tests.contracts.places import with_changed
from tests.contracts.small_contract import _variant, contract

BODY = ("components", "schemas", "body")
Change = Callable[[Any], Any]


def _without(*names: str) -> Change:
    return lambda node: {key: value for key, value in node.items() if key not in names}


def _with(**members: Any) -> Change:
    return lambda node: {**node, **members}


ONE_OF = ("shape", "oneOf")
# name -> place in the body's properties, change, (rule, verdict) in a request, in a response
EDITS: dict[str, tuple[tuple[Any, ...], Change, tuple[str, str], tuple[str, str]]] = {
    "default changed": (
        ("colour",),
        _with(default="blue"),
        ("default-changed", "breaking"),
        ("default-changed", "breaking"),
    ),
    "default gone": (
        ("colour",),
        _without("default"),
        ("default-removed", "breaking"),
        ("default-removed", "breaking"),
    ),
    "default null is said": (
        ("tags",),
        _with(default=None),
        ("default-added", "breaking"),
        ("default-added", "additive"),
    ),
    "fewer multiples": (
        ("size",),
        _with(multipleOf=8),
        ("multipleOf-tightened", "breaking"),
        ("multipleOf-tightened", "additive"),
    ),
    "more multiples": (
        ("size",),
        _with(multipleOf=2),
        ("multipleOf-loosened", "additive"),
        ("multipleOf-loosened", "breaking"),
    ),
    "other multiples": (
        ("size",),
        _with(multipleOf=3),
        ("multipleOf-changed", "breaking"),
        ("multipleOf-changed", "breaking"),
    ),
    "wider format": (
        ("size",),
        _with(format="int64"),
        ("format-loosened", "additive"),
        ("format-loosened", "breaking"),
    ),
    "items may repeat": (
        ("tags",),
        _without("uniqueItems"),
        ("uniqueItems-loosened", "additive"),
        ("uniqueItems-loosened", "breaking"),
    ),
    "a refused field is let in": (
        (),
        lambda node: {**node, "never": {"type": "string"}},
        ("field-allowed", "additive"),
        ("field-allowed", "additive"),
    ),
    "something else is shut out": (
        ("not_x",),
        _with(**{"not": {"const": "y"}}),
        ("not-changed", "breaking"),
        ("not-changed", "breaking"),
    ),
    "nothing is shut out": (
        ("not_x",),
        _without("not"),
        ("not-loosened", "additive"),
        ("not-loosened", "breaking"),
    ),
    "not deprecated any more": (
        ("old",),
        _without("deprecated"),
        ("restored", "additive"),
        ("restored", "additive"),
    ),
    "a variant more": (
        ONE_OF,
        lambda node: [_variant("line"), *node],
        ("variant-added", "additive"),
        ("variant-added", "additive"),
    ),
    "a variant less": (
        ONE_OF,
        lambda node: node[:1],
        ("variant-removed", "breaking"),
        ("variant-removed", "breaking"),
    ),
    "a variant that overlaps": (
        ONE_OF,
        lambda node: [*node, {"type": "object", "required": ["kind"]}],
        ("choice-tightened", "breaking"),
        ("choice-loosened", "breaking"),
    ),
    "variants in another order": (
        ONE_OF,
        lambda node: node[::-1],
        ("", "identical"),
        ("", "identical"),
    ),
    "a change inside a variant": (
        (*ONE_OF, 1, "properties", "side"),
        _with(maxLength=3),
        ("maxLength-tightened", "breaking"),
        ("maxLength-tightened", "additive"),
    ),
    "any of variants that exclude each other": (
        ("shape",),
        lambda node: {"anyOf": node["oneOf"], "discriminator": node["discriminator"]},
        ("", "identical"),
        ("", "identical"),
    ),
    "any of variants that overlap": (
        ("either",),
        lambda node: {"anyOf": node["oneOf"]},
        ("choice-loosened", "additive"),
        ("choice-loosened", "breaking"),
    ),
    "a change where variants overlap": (
        ("either", "oneOf", 0),
        _with(minimum=-5),
        ("choice-unclear", "breaking"),
        ("choice-unclear", "breaking"),
    ),
    "another member tells apart": (
        ("shape", "discriminator"),
        _with(propertyName="type"),
        ("discriminator-changed", "breaking"),
        ("discriminator-changed", "breaking"),
    ),
    "one value more tells apart": (
        ("shape", "discriminator", "mapping"),
        _with(square="#/s"),
        ("discriminator-added", "additive"),
        ("discriminator-added", "additive"),
    ),
    "nothing is said to tell apart": (
        ("shape",),
        _without("discriminator"),
        ("discriminator-removed", "breaking"),
        ("discriminator-removed", "breaking"),
    ),
}


@pytest.mark.parametrize("way", ["request", "response"])
@pytest.mark.parametrize("name", EDITS)
def test_an_edit_has_its_rule_and_verdict(name: str, way: str) -> None:
    place, change, *meanings = EDITS[name]
    rule, verdict = meanings[way == "response"]
    old = contract(way)

    changes = compare.diff(old, with_changed(old, (*BODY, "properties", *place), change))

    assert compare.verdict(changes) == verdict
    assert not rule or f"{way}-{rule}" in {each.rule for each in changes}


def _holds(way: str, schema: Any) -> dict[str, Any]:
    whole: dict[str, Any] = with_changed(contract(way), BODY, lambda _: schema)
    return whole


@pytest.mark.parametrize("way", ["request", "response"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"type": "integer", "minimum": 1}, {"type": "integer", "exclusiveMinimum": 0}),
        ({"type": "string"}, {"type": "string", "minLength": 0, "maximum": 3}),
        ({"const": 1}, {"enum": [1.0]}),
        ({}, True),
        ({"not": {}}, False),
        ({"type": "object"}, {"type": "object", "additionalProperties": {}}),
        (
            {"type": "object", "required": ["a", "b"]},
            {"allOf": [{"type": "object", "required": ["b"]}, {"required": ["a"]}]},
        ),
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": ["number", "integer"]}, {"type": "number"}),
    ],
)
def test_the_same_said_otherwise_is_identical(old: Any, new: Any, way: str) -> None:
    for one, other in ((old, new), (new, old)):
        changes = compare.diff(_holds(way, one), _holds(way, other))

        assert compare.verdict(changes) == compare.IDENTICAL, changes


@pytest.mark.parametrize("way", ["request", "response"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"enum": [True]}, {"enum": [1]}),
        ({"type": "object"}, {"type": "object", "if": {}, "then": False}),
        ({"allOf": [{"pattern": "a"}, {"pattern": "b"}]}, {"pattern": "b"}),
    ],
)
def test_what_looks_alike_and_is_not_is_noticed(old: Any, new: Any, way: str) -> None:
    changes = compare.diff(_holds(way, old), _holds(way, new))

    assert changes and compare.verdict(changes) != compare.IDENTICAL


def test_a_schema_that_holds_itself_is_compared() -> None:
    tree = {"type": "object", "properties": {"left": {"$ref": "#/components/schemas/body"}}}
    old = _holds("request", tree)
    new = _holds("request", {**tree, "required": ["left"]})

    assert [each.rule for each in compare.diff(old, new)] == ["request-required-tightened"]
