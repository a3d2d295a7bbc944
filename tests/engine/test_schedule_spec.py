"""When specs fire: cron across changes of the clock, intervals, calendars, bounds, jitter."""

import itertools
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from croniter import croniter
from durable_server.clock import SECOND, to_second_text
from durable_server.engine.schedule_spec import (
    compile_spec,
    duration_seconds,
    instant_of,
    spec_problems,
)
from durable_server.engine.schedule_times import Timing

BERLIN = "Europe/Berlin"


def times(spec: dict[str, Any], after: str, count: int) -> list[str]:
    """The occurrences that follow an instant, as texts without their zone."""
    assert spec_problems(spec) == {}
    at, found = instant_of(after), []
    while at is not None and len(found) < count:
        at = compile_spec(spec).next_after(at)
        found.append("none" if at is None else to_second_text(at)[:16])
    return found


@pytest.mark.parametrize(
    ("spec", "after", "expected"),
    [
        (
            {"cron_expressions": ["30 2 * * *"], "timezone": BERLIN},
            "2026-03-28T12:00:00Z",
            ["2026-03-29T01:00", "2026-03-30T00:30"],
        ),
        (
            {"cron_expressions": ["30 2 * * *"], "timezone": BERLIN},
            "2026-10-24T12:00:00Z",
            ["2026-10-25T00:30", "2026-10-26T01:30"],
        ),
        (
            {"cron_expressions": ["*/30 * * * *"], "timezone": BERLIN},
            "2026-10-24T23:45:00Z",
            ["2026-10-25T00:00", "2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30"],
        ),
        (
            # Where the clock is put forward at midnight, that day begins an hour later.
            {"cron_expressions": ["0 0 * * *"], "timezone": "America/Santiago"},
            "2026-09-05T12:00:00Z",
            ["2026-09-06T04:00", "2026-09-07T03:00"],
        ),
        (
            # Where it is put back by half an hour, what is fixed comes once.
            {"cron_expressions": ["45 1 * * *"], "timezone": "Australia/Lord_Howe"},
            "2026-04-04T00:00:00Z",
            ["2026-04-04T14:45", "2026-04-05T15:15"],
        ),
        (
            {"intervals": [{"every": "PT1H"}], "timezone": BERLIN},
            "2026-10-24T23:30:00Z",
            ["2026-10-25T00:00", "2026-10-25T01:00", "2026-10-25T02:00"],
        ),
        (
            {"calendars": [{"hour": "2", "minute": "30"}], "timezone": BERLIN},
            "2026-03-28T12:00:00Z",
            ["2026-03-29T01:00", "2026-03-30T00:30"],
        ),
        (
            {"calendars": [{"hour": "2", "minute": "*/20"}], "timezone": BERLIN},
            "2026-10-24T23:50:00Z",
            ["2026-10-25T00:00", "2026-10-25T00:20", "2026-10-25T00:40", "2026-10-26T01:00"],
        ),
        (
            {"calendars": [{"day_of_month": "13", "day_of_week": "fri", "hour": "9"}]},
            "2026-10-24T00:00:00Z",
            ["2026-11-13T09:00", "2027-08-13T09:00"],
        ),
        (
            {"calendars": [{"month": "2", "day_of_month": "29", "year": "2027-2029"}]},
            "2026-10-24T00:00:00Z",
            ["2028-02-29T00:00", "none"],
        ),
        (
            {"intervals": [{"every": "PT90M", "offset": "PT10M"}]},
            "2026-10-24T23:50:00Z",
            ["2026-10-25T00:10", "2026-10-25T01:40"],
        ),
        (
            {"cron_expressions": ["@daily"], "intervals": [{"every": "PT8H"}]},
            "2026-01-01T00:00:00Z",
            ["2026-01-01T08:00", "2026-01-01T16:00", "2026-01-02T00:00"],
        ),
        (
            {
                "cron_expressions": ["0 0 * * *"],
                "start_at": "2026-01-03T00:00:00Z",
                "end_at": "2026-01-04T00:00:00Z",
            },
            "2026-01-01T00:00:00Z",
            ["2026-01-03T00:00", "2026-01-04T00:00", "none"],
        ),
    ],
)
def test_a_spec_names_these_times(spec: dict[str, Any], after: str, expected: list[str]) -> None:
    assert times(spec, after, len(expected)) == expected


def test_every_wrong_part_of_a_spec_is_named() -> None:
    wrong = {
        "cron_expressions": ["@reboot", "0 0 * * * *", "0 0 30 2 *"],
        "intervals": [{"every": "often"}, {"every": "PT0S"}, {"every": "PT1H", "offset": "x"}],
        "calendars": [{"hour": "25", "year": "soon"}],
        "timezone": "Mars/Base",
        "start_at": "2027-01-01T00:00:00Z",
        "end_at": "2026-01-01T00:00:00Z",
    }

    assert set(spec_problems(wrong)) == {
        *(f"spec.cron_expressions.{number}" for number in range(3)),
        *("spec.intervals.0.every", "spec.intervals.1.every", "spec.intervals.2.offset"),
        *("spec.calendars.0.hour", "spec.calendars.0.year", "spec.timezone", "spec.end_at"),
    }
    assert set(spec_problems({"timezone": "UTC"})) == {"spec"}


def test_durations_are_whole_units() -> None:
    found = [duration_seconds(text) for text in ("P1Y2M", "PT1H30M", "P1W", "P", "PT", "PT1.5S")]

    assert found == [425 * 86_400, 5400, 604_800, None, None, None]


def test_jitter_is_the_same_again_and_keeps_the_order() -> None:
    spec = compile_spec({"intervals": [{"every": "PT20S"}]})
    one, other = Timing(spec, 3600, "a"), Timing(spec, 3600, "b")

    firings = one.following(0, 200)

    assert firings == Timing(spec, 3600, "a").following(0, 200) != other.following(0, 200)
    for before, after in itertools.pairwise(firings):
        assert before.occurrence_at <= before.due_at < after.occurrence_at
    assert len({each.due_at - each.occurrence_at for each in firings}) > 100


def random_field(chance: random.Random, low: int, high: int) -> str:
    """A field of a cron expression."""
    kind = chance.choice(("*", "*", "one", "list", "range", "step", "steps"))
    first, last = sorted(chance.sample(range(low, high + 1), 2))
    return {
        "*": "*",
        "one": str(first),
        "list": f"{first},{last}",
        "range": f"{first}-{last}",
        "step": f"*/{chance.randint(2, max(2, (high - low) // 2))}",
        "steps": f"{first}-{last}/{chance.randint(1, 5)}",
    }[kind]


def differences(count: int, seed: int) -> list[str]:
    """Expressions and instants for which the two libraries do not agree."""
    chance, found = random.Random(seed), []
    for _ in range(count):
        bounds = ((0, 59), (0, 23), (1, 28), (1, 12), (0, 6))
        expression = " ".join(random_field(chance, *each) for each in bounds)
        instant = chance.randrange(1_000_000_000, 2_500_000_000)
        ours = compile_spec({"cron_expressions": [expression]}).next_after(instant * SECOND)
        # A field that begins with a star and has a step joins the days by AND in crontabs.
        theirs = croniter(
            expression, datetime.fromtimestamp(instant, UTC), implement_cron_bug=True
        ).get_next(datetime)
        if ours is None or ours // SECOND != round(theirs.timestamp()):
            found.append(f"{expression} after {instant}: {ours} {theirs}")
    return found


def test_another_library_finds_the_same_times() -> None:
    assert differences(2000, seed=1) == []


@pytest.mark.long
def test_another_library_finds_the_same_times_a_hundred_thousand_times() -> None:
    assert differences(100_000, seed=2) == []
