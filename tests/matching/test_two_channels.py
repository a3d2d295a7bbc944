"""A poll that is parked on two channels gets one task, from whichever has it first."""

from collections.abc import Iterator

import pytest
from durable_server.clock import ManualClock
from durable_server.matching.channels import Channel, Poll
from durable_server.matching.matcher import Matcher

from tests.matching.polls import CHANNEL, a_poll

OTHER = Channel("default", "orders", "update_validation")


@pytest.fixture
def claims() -> list[Channel]:
    return []


@pytest.fixture
def matcher(claims: list[Channel]) -> Iterator[Matcher]:
    matcher = Matcher(ManualClock(), claims.append, check_seconds=lambda: 3600.0)
    yield matcher
    matcher.withdraw_all()


def a_double(name: str = "w1") -> Poll:
    poll = a_poll(name)
    poll.other = OTHER
    return poll


def look(matcher: Matcher, channel: Channel) -> None:
    """What a lane does for a claim that finds nothing."""
    matcher.end_claim(channel, matcher.start_claim(channel), True, None)


def test_both_queues_are_looked_at(matcher: Matcher, claims: list[Channel]) -> None:
    matcher.park(a_double())

    assert claims == [CHANNEL, OTHER]


@pytest.mark.parametrize("channel", [CHANNEL, OTHER])
def test_taken_from_one_channel_it_is_gone_from_the_other(
    matcher: Matcher, channel: Channel
) -> None:
    poll = a_double()
    matcher.park(poll)

    assert matcher.take(channel, "any", None) is poll
    assert matcher.waiting(CHANNEL) == matcher.waiting(OTHER) == []


def test_given_back_it_stands_in_front_on_both(matcher: Matcher) -> None:
    first, second = a_double("first"), a_double("second")
    matcher.park(first)
    matcher.park(second)
    taken = matcher.take(OTHER, "any", None)
    assert taken is first

    matcher.give_back(taken)

    assert matcher.waiting(CHANNEL) == matcher.waiting(OTHER) == [first, second]


def test_it_counts_once_among_the_parked_polls() -> None:
    matcher = Matcher(ManualClock(), None, parked_polls_max=1)
    poll = a_double()
    matcher.park(poll)

    assert matcher.withdraw(poll)
    assert not matcher.withdraw(poll)
    matcher.park(a_double("next"))
    assert matcher.withdraw_all() == 1


def test_a_probe_waits_for_a_look_at_either_queue(matcher: Matcher) -> None:
    probe = a_double()
    probe.probe = True
    matcher.park(probe)

    look(matcher, CHANNEL)
    assert not probe.pending.done
    look(matcher, OTHER)

    assert probe.pending.result() is None
    assert matcher.waiting(CHANNEL) == []
