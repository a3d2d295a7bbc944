"""Which trace contexts are taken, as W3C Trace Context says."""

import json
from typing import Any

import pytest
from durable_server.engine import trace_context

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"
MANY = ",".join(f"k{number}=v" for number in range(33))


def fields(*given: Any) -> dict[str, str] | None:
    text = trace_context.carrier(*given)
    return None if text is None else trace_context.fields_of(text)


def test_a_valid_context_is_kept_as_it_came() -> None:
    state, baggage = "congo=t61rcWkgMzE,rojo@vendor=00f067aa", "tenant=blue"

    kept = fields(PARENT, state, baggage)

    assert kept == {"traceparent": PARENT, "tracestate": state, "baggage": baggage}


@pytest.mark.parametrize(
    "parent",
    [
        *("", "00", None, 7, f"ff-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01-more"),
        *(f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", PARENT.upper(), f"{PARENT}\n"),
        *(f"00-{TRACE}-{SPAN}", f"00-{TRACE[:-1]}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01-{'x' * 256}"),
    ],
)
def test_without_a_valid_parent_there_is_no_context(parent: Any) -> None:
    assert fields(parent, "congo=t61rcWkgMzE") is None


def test_a_parent_of_a_later_version_is_handed_on_as_one_that_is_known() -> None:
    assert fields(f"cc-{TRACE}-{SPAN}-01-what-comes") == {"traceparent": PARENT}


@pytest.mark.parametrize(
    "state",
    [
        *("", None, 7, "Congo=1", "congo", "congo=", "a=1,a=2", "a=b=c", "a=\x00", MANY),
        *("x=" + "v" * 600, "a=é"),
    ],
)
def test_an_invalid_state_is_left_out(state: Any) -> None:
    assert fields(PARENT, state) == {"traceparent": PARENT}


def test_empty_members_of_a_state_do_no_harm() -> None:
    assert fields(PARENT, "a=1, ,b=2\t,") == {
        "traceparent": PARENT,
        "tracestate": "a=1, ,b=2\t,",
    }


@pytest.mark.parametrize(
    "given",
    [
        {"schema": trace_context.SCHEMA, "version": 1, "carrier": {"traceparent": PARENT}},
        {"traceparent": PARENT},
    ],
)
def test_a_body_carries_it_in_an_envelope_or_bare(given: dict[str, Any]) -> None:
    text = trace_context.of_body(given)

    assert text is not None
    assert json.loads(text) == {"traceparent": PARENT}


@pytest.mark.parametrize("given", [None, [], "x", {}, {"carrier": []}, {"carrier": {"x": 1}}])
def test_what_is_no_context_is_none(given: Any) -> None:
    assert trace_context.of_body(given) is None
