"""Parked polls and tasks find each other, whichever comes first."""

import threading
import tracemalloc

import pytest
from durable_server.clock import SECOND, ManualClock
from durable_server.matching.channels import Channel
from durable_server.matching.matcher import Matcher
from durable_server.pending import Pending
from durable_server.refusal import Refusal

from tests.matching.polls import CHANNEL, a_poll


class Claims:
    """Notes which claims a matcher asks for, and tells a thread that waits for one."""

    def __init__(self) -> None:
        self.channels: list[Channel] = []
        self.asked = threading.Semaphore(0)

    def __call__(self, channel: Channel) -> None:
        self.channels.append(channel)
        self.asked.release()


@pytest.fixture
def claims():
    return Claims()


@pytest.fixture
def matcher(claims):
    matcher = Matcher(ManualClock(), claims, check_seconds=lambda: 3600.0)
    yield matcher
    matcher.withdraw_all()


def look(matcher: Matcher, *, empty: bool) -> None:
    """What a lane does for a claim that finds no task it can lease."""
    version = matcher.start_claim(CHANNEL)
    matcher.waiting(CHANNEL)
    matcher.end_claim(CHANNEL, version, empty, None)


def test_the_first_poll_of_a_channel_asks_for_a_claim(matcher, claims):
    matcher.park(a_poll())
    assert claims.channels == [CHANNEL]


def test_at_most_one_claim_is_under_way_and_one_follows(matcher, claims):
    for number in range(5):
        matcher.park(a_poll(f"w{number}"))
    assert len(claims.channels) == 1
    version = matcher.start_claim(CHANNEL)
    matcher.park(a_poll("late"))
    assert len(claims.channels) == 1
    matcher.end_claim(CHANNEL, version, True, None)
    assert len(claims.channels) == 2
    look(matcher, empty=True)
    assert len(claims.channels) == 2


def test_a_queue_found_empty_is_not_looked_at_again(matcher, claims):
    matcher.park(a_poll("w1"))
    look(matcher, empty=True)
    matcher.park(a_poll("w2"))
    assert len(claims.channels) == 1


def test_empty_for_some_types_says_nothing_of_others(matcher, claims):
    matcher.park(a_poll("w1", types=frozenset({"a"})))
    look(matcher, empty=True)
    matcher.park(a_poll("w2", types=frozenset({"b"})))
    assert len(claims.channels) == 2


def test_empty_for_one_build_says_nothing_of_another(matcher, claims):
    matcher.park(a_poll("w1"))
    look(matcher, empty=True)
    matcher.park(a_poll("w2", build_id="blue"))
    look(matcher, empty=True)
    matcher.park(a_poll("w3", build_id="blue"))
    matcher.park(a_poll("w4"))
    assert len(claims.channels) == 2


def test_a_wake_during_a_claim_keeps_the_queue_from_being_taken_for_empty(matcher, claims):
    matcher.park(a_poll())
    version = matcher.start_claim(CHANNEL)
    matcher.backlog(CHANNEL)
    matcher.end_claim(CHANNEL, version, True, None)
    assert len(claims.channels) == 2


def test_a_wake_before_the_poll_parks_is_seen_by_its_claim(matcher, claims):
    matcher.backlog(CHANNEL)
    assert claims.channels == []
    matcher.park(a_poll())
    assert claims.channels == [CHANNEL]


def test_a_wake_after_the_poll_parked_asks_for_a_claim(matcher, claims):
    matcher.park(a_poll())
    look(matcher, empty=True)
    matcher.backlog(CHANNEL)
    assert len(claims.channels) == 2


def test_kinds_and_queues_share_no_wake(matcher, claims):
    matcher.park(a_poll())
    look(matcher, empty=True)
    matcher.backlog(CHANNEL._replace(kind="activity"))
    matcher.backlog(CHANNEL._replace(task_queue="other"))
    matcher.backlog(CHANNEL._replace(namespace="other"))
    assert len(claims.channels) == 1


def test_a_task_goes_to_the_poll_that_waited_longest(matcher):
    first, second = a_poll("first"), a_poll("second")
    matcher.park(first)
    matcher.park(second)
    assert matcher.take(CHANNEL, "any", None) is first
    assert matcher.take(CHANNEL, "any", None) is second
    assert matcher.take(CHANNEL, "any", None) is None


def test_a_task_goes_to_a_poll_that_accepts_its_type_and_build(matcher):
    matcher.park(a_poll("other type", types=frozenset({"b"})))
    matcher.park(a_poll("other build", build_id="v2"))
    wanted = a_poll("fits", types=frozenset({"a"}), build_id="v1")
    matcher.park(wanted)
    assert matcher.take(CHANNEL, "a", "v1") is wanted
    assert matcher.take(CHANNEL, "a", "v1") is None


def test_a_rolled_back_poll_stands_in_front_again(matcher):
    first, second = a_poll("first"), a_poll("second")
    matcher.park(first)
    matcher.park(second)
    matcher.give_back(matcher.take(CHANNEL, "any", None))
    assert matcher.waiting(CHANNEL) == [first, second]


def test_a_poll_whose_time_ended_in_a_rolled_back_transaction_is_answered(matcher):
    poll = a_poll()
    matcher.park(poll)
    matcher.take(CHANNEL, "any", None)
    assert matcher.expire(poll) is False
    assert not poll.pending.done
    matcher.give_back(poll)
    assert poll.pending.result() is None
    assert matcher.waiting(CHANNEL) == []


def test_a_lost_client_gets_no_task(matcher):
    poll = a_poll()
    matcher.park(poll)
    assert matcher.lose(poll) is True
    assert matcher.take(CHANNEL, "any", None) is None


def test_only_one_of_taking_and_withdrawing_wins(matcher):
    polls = [a_poll(str(number)) for number in range(2000)]
    for poll in polls:
        matcher.park(poll)
    taken: list[object] = []
    withdrawn: list[object] = []

    def take() -> None:
        while (poll := matcher.take(CHANNEL, "any", None)) is not None:
            taken.append(poll)

    def withdraw() -> None:
        withdrawn.extend(poll for poll in reversed(polls) if matcher.withdraw(poll))

    threads = [threading.Thread(target=each) for each in (take, take, withdraw)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) + len(withdrawn) == 2000
    assert {id(poll) for poll in taken}.isdisjoint(id(poll) for poll in withdrawn)
    assert matcher.counts()["workflow"] == 0


def test_more_polls_than_the_bound_are_refused():
    matcher = Matcher(ManualClock(), None, parked_polls_max=2)
    matcher.park(a_poll("w1"))
    matcher.park(a_poll("w2"))
    with pytest.raises(Refusal) as refused:
        matcher.park(a_poll("w3"))
    assert refused.value.reason == "too_many_polls"
    assert matcher.withdraw_all() == 2


def test_shutdown_answers_every_parked_poll_with_nothing(matcher):
    polls = [a_poll(str(number)) for number in range(100)]
    for poll in polls:
        matcher.park(poll)
    assert matcher.withdraw_all() == 100
    assert [poll.pending.result() for poll in polls] == [None] * 100
    with pytest.raises(Refusal):
        matcher.park(a_poll())


def test_a_probe_is_answered_after_one_look(matcher):
    probe, patient = a_poll("probe"), a_poll("patient")
    probe.probe = True
    matcher.park(probe)
    matcher.park(patient)
    look(matcher, empty=True)
    if not probe.pending.done:
        look(matcher, empty=True)
    assert probe.pending.result() is None
    assert matcher.waiting(CHANNEL) == [patient]


def test_a_claim_that_no_lane_takes_does_not_block_later_ones():
    refused: list[Channel] = []

    def claim(channel: Channel) -> Pending:
        refused.append(channel)
        pending = Pending()
        pending.answer(error=Refusal("lane_full"))
        return pending

    matcher = Matcher(ManualClock(), claim)
    matcher.park(a_poll("w1"))
    matcher.park(a_poll("w2"))
    assert len(refused) == 2
    matcher.withdraw_all()


def test_a_task_that_becomes_ready_later_wakes_its_channel_then():
    clock, claims = ManualClock(), Claims()
    matcher = Matcher(clock, claims, check_seconds=lambda: 3600.0)
    matcher.park(a_poll())
    claims.asked.acquire()
    look(matcher, empty=True)
    matcher.backlog_at(CHANNEL, clock.now() + SECOND // 20)
    assert len(claims.channels) == 1
    clock.advance(0.06)
    assert claims.asked.acquire(timeout=10)
    matcher.withdraw_all()


def test_a_queue_that_is_waited_for_is_looked_at_once_per_interval():
    claims = Claims()
    matcher = Matcher(ManualClock(), claims, check_seconds=lambda: 0.05)
    for number in range(1000):
        matcher.park(a_poll(str(number)))
    for _ in range(3):
        assert claims.asked.acquire(timeout=10)
        look(matcher, empty=True)
    assert len(claims.channels) <= 5
    matcher.withdraw_all()


def test_a_parked_poll_costs_less_than_two_kilobytes():
    matcher = Matcher(ManualClock(), None)
    tracemalloc.start()
    polls = [a_poll(str(number)) for number in range(10_000)]
    for poll in polls:
        matcher.park(poll)
        matcher.timers.call_in(3600, lambda poll=poll: poll.pending)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert matcher.counts()["workflow"] == 10_000
    assert used / 10_000 < 2048
    matcher.withdraw_all()
