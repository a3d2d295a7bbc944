"""Payloads of history events against the files of their names."""

from durable_contracts import events

FIRED = {
    "timer_id": "t-1",
    "sequence": 1,
    "delay_seconds": 5,
    "fire_at": "2026-04-13T12:00:05.000000Z",
    "fired_at": "2026-04-13T12:00:05.010000Z",
}


def test_a_payload_as_promised_has_no_problems() -> None:
    assert events.payload_problems("TimerFired", FIRED) == []


def test_every_problem_of_a_payload_is_told() -> None:
    problems = events.payload_problems("TimerFired", {**FIRED, "sequence": 0, "fire_at": "soon"})

    assert [problem.split(":")[0] for problem in problems] == [
        "TimerFired $.fire_at",
        "TimerFired $.sequence",
    ]


def test_an_event_that_the_contract_does_not_have_is_a_problem() -> None:
    assert events.payload_problems("TimerForgotten", {}) == [
        "the contract has no event TimerForgotten"
    ]
    assert events.payload_problems("../shared/failure", {})
