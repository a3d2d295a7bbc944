"""What the comparison lets pass holds for documents: no document tells two schemas apart."""

from typing import Any

from durable_contracts import compare
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.contracts.judges import published_in_rust
from tests.contracts.schemas import documents, schemas

BODY = "#/components/schemas/body"
# What a reply may gain, because readers ignore what they do not know.
TOLERATED = {"value-added", "field-added", "variant-added", "other-fields-allowed", "field-allowed"}


def _contract(way: str, schema: Any) -> dict[str, Any]:
    content = {"content": {"application/json": {"schema": {"$ref": BODY}}}}
    stated: dict[str, Any] = {"operationId": "bodies.it", "responses": {}}
    stated |= {"requestBody": content} if way == "request" else {"responses": {"200": content}}
    parts = {"schemas": {"body": schema}}
    return {"paths": {"/bodies": {"post": stated}}, "components": parts}


_SIZES = [0, 1, 2, 3]
# By type, the keywords that judge it, each with values among which an edit may choose.
KEYWORDS: dict[str, dict[str, list[Any]]] = {
    "string": {"pattern": ["^a", "b"], "minLength": _SIZES, "maxLength": _SIZES, "enum": [["a"]]},
    "integer": {"minimum": _SIZES, "exclusiveMaximum": _SIZES, "maximum": _SIZES},
    "number": {"multipleOf": [0.5, 1, 2, 3], "exclusiveMinimum": _SIZES, "maximum": _SIZES},
    "array": {
        "items": [True, {"type": "integer"}, {"type": "string"}],
        "uniqueItems": [True, False],
        "minItems": _SIZES,
        "maxItems": _SIZES,
    },
    "object": {
        "additionalProperties": [True, False, {"type": "integer"}],
        "properties": [{"a": {}}, {"a": {"type": "integer"}}, {"a": {}, "b": {"not": {}}}],
        "required": [[], ["a"], ["a", "b"]],
        "maxProperties": _SIZES,
    },
}


@st.composite
def kindred(draw: st.DrawFn) -> tuple[Any, Any]:
    """Two schemas of one type that differ in some of its keywords."""
    kind = draw(st.sampled_from(sorted(KEYWORDS)))
    members = st.fixed_dictionaries(
        {}, optional={k: st.sampled_from(values) for k, values in KEYWORDS[kind].items()}
    )
    old, changed = draw(members), draw(members)
    gone = draw(st.sets(st.sampled_from(sorted(KEYWORDS[kind])), max_size=1))
    kept = {key: value for key, value in old.items() if key not in gone}
    return {"type": kind, **old}, {"type": kind, **kept, **changed}


@st.composite
def unlike(draw: st.DrawFn) -> tuple[Any, Any]:
    """A schema and what became of it: a member more, less or replaced, or something else."""
    old = draw(schemas)
    other = draw(schemas)
    if not isinstance(old, dict) or not isinstance(other, dict) or draw(st.booleans()):
        return old, draw(st.sampled_from([other, {"anyOf": [old, other]}, {"allOf": [old, other]}]))
    kept = {key: value for key, value in old.items() if draw(st.integers(0, 3))}
    return old, {**kept, **other}


pairs = st.one_of(kindred(), unlike())

COMMON = settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@COMMON
@given(pairs, st.lists(documents, min_size=5, max_size=25))
def test_what_may_be_sent_may_still_be_sent(pair: tuple[Any, Any], sent: list[Any]) -> None:
    old, new = pair
    changes = compare.diff(_contract("request", old), _contract("request", new))
    assume(compare.verdict(changes) != compare.BREAKING)
    gained = any(change.rule == "request-field-added" for change in changes)

    for document in sent:
        # A field that nobody knew may have been sent with any value; it is ours to name now.
        if published_in_rust(old, document) and not gained:
            assert published_in_rust(new, document), changes


@COMMON
@given(pairs, st.lists(documents, min_size=5, max_size=25))
def test_what_is_answered_is_what_was_promised(pair: tuple[Any, Any], answers: list[Any]) -> None:
    old, new = pair
    changes = compare.diff(_contract("response", old), _contract("response", new))
    assume(compare.verdict(changes) != compare.BREAKING)
    assume(not {change.rule.removeprefix("response-") for change in changes} & TOLERATED)

    for document in answers:
        if published_in_rust(new, document):
            assert published_in_rust(old, document), changes
