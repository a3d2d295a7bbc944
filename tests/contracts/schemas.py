"""Random schemas inside the profile, and random documents that come close to them."""

from typing import Any

from hypothesis import strategies as st

TYPES = ["string", "integer", "number", "boolean", "array", "object", "null"]
NAMES = ["a", "b", "type"]
PATTERNS = ["^[a-z]+$", "^$", "b", "^a(?:b|c)*$", "[$]", r"^\.$", r"^\$", "^[^\n]*$"]

scalars: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.0, 1.0, -2.0, 1.5, 1e30, -0.5]),
    st.sampled_from(["", "a", "abc", "abc\n", "\n", "$", ".", "é", "1"]),
)
documents: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    ),
    max_leaves=6,
)


def _bound(plain: str, exclusive: str) -> st.SearchStrategy[dict[str, Any]]:
    name = st.sampled_from([plain, exclusive])
    return st.builds(lambda n, v: {n: v}, name, st.integers(-2, 2))


def _size(name: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.integers(0, 2).map(lambda v: {name: v})


_plain = [
    st.sampled_from(TYPES).map(lambda t: {"type": t}),
    st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True).map(
        lambda t: {"type": t}
    ),
    st.lists(scalars, min_size=1, max_size=3).map(lambda v: {"enum": v}),
    scalars.map(lambda v: {"const": v}),
    st.sampled_from(PATTERNS).map(lambda p: {"pattern": p}),
    _bound("minimum", "exclusiveMinimum"),
    _bound("maximum", "exclusiveMaximum"),
    *map(_size, ["minLength", "maxLength", "minItems", "maxItems"]),
    *map(_size, ["minProperties", "maxProperties"]),
    st.booleans().map(lambda v: {"uniqueItems": v}),
    st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(lambda v: {"required": v}),
    st.just({"format": "date-time"}),
    st.just({"description": "words", "$comment": "more", "x-note": 1}),
]


def _merged(parts: list[dict[str, Any]]) -> dict[str, Any]:
    result = {key: value for part in parts for key, value in part.items()}
    if "const" in result:
        result.pop("enum", None)
    for plain, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if plain in result:
            result.pop(exclusive, None)
    return result


def _holding(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        st.dictionaries(st.sampled_from(NAMES), inner, max_size=2).map(lambda v: {"properties": v}),
        inner.map(lambda v: {"additionalProperties": v}),
        inner.map(lambda v: {"items": v}),
        inner.map(lambda v: {"not": v}),
        st.builds(lambda n, v: {n: v}, st.sampled_from(["allOf", "anyOf", "oneOf"]), several),
    )


def _node(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    part = st.one_of(*_plain, _holding(inner))
    return st.lists(part, min_size=1, max_size=4).map(_merged)


leaves: st.SearchStrategy[Any] = st.one_of(
    st.booleans(), st.lists(st.one_of(*_plain), max_size=3).map(_merged)
)
schemas: st.SearchStrategy[Any] = st.recursive(leaves, _node, max_leaves=5)
