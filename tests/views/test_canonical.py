"""The text that checksums are taken over is the same whoever writes it."""

import json
from typing import Any

import orjson
import pytest
from durable_server.views.canonical import canonical
from hypothesis import given
from hypothesis import strategies as st

# Python writes these alike; what it writes differently is listed below.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x7f"), max_size=8)
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)


@given(values)
def test_keys_are_sorted_and_everything_beyond_ascii_is_escaped(value: Any) -> None:
    assert canonical(value) == json.dumps(value, sort_keys=True, separators=(",", ":"))


@given(values | st.floats(allow_nan=False, allow_infinity=False))
def test_whoever_parses_the_text_writes_the_same_text(value: Any) -> None:
    text = canonical(value)

    assert canonical(json.loads(text)) == canonical(orjson.loads(text)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (0.1, "0.1"),
        (0.0001, "0.0001"),
        (0.00001, "1.0e-5"),
        (1.5e-7, "1.5e-7"),
        (1e15, "1000000000000000.0"),
        (1e16, "10000000000000000.0"),
        (1e17, "1.0e+17"),
        (1.25e300, "1.25e+300"),
        (2**63, "9223372036854775808"),
        ("a/b", '"a/b"'),
        ("\x7f", '"\x7f"'),
        ("\x7fé\x7f", '"\x7f\\u00e9\x7f"'),
        ("\\u007fé", '"\\\\u007f\\u00e9"'),
        ("😀", '"\\ud83d\\ude00"'),
        ({"b": [], "a": {}, "B": None, "é": 0}, '{"B":null,"a":{},"b":[],"\\u00e9":0}'),
    ],
)
def test_what_languages_write_differently_is_written_in_one_way(value: Any, text: str) -> None:
    assert canonical(value) == text


def test_a_number_that_json_does_not_have_is_not_written() -> None:
    with pytest.raises(ValueError, match="finite"):
        canonical([float("inf")])
