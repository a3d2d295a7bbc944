"""A repeated poll shares the wait of the first or gets its outcome again."""

from durable_server.clock import ManualClock
from durable_server.matching.repeats import Repeats, Shared, key_of

from tests.matching.polls import a_poll

KEY = key_of(a_poll(poll_request_id="p1"))


def test_a_poll_without_an_id_is_never_a_repeat():
    assert key_of(a_poll()) is None


def test_a_repeat_in_flight_shares_the_outcome():
    repeats = Repeats(ManualClock())
    assert repeats.begin(KEY) is None
    shared = repeats.begin(KEY)
    assert isinstance(shared, Shared)
    assert repeats.finish(KEY, None, remember=True) == 1
    assert shared.pending.result() is None


def test_an_empty_outcome_is_remembered_for_a_few_seconds():
    clock = ManualClock()
    repeats = Repeats(clock)
    repeats.begin(KEY)
    repeats.finish(KEY, None, remember=True)
    clock.advance(4.9)
    assert repeats.begin(KEY).leased is None
    clock.advance(0.2)
    assert repeats.begin(KEY) is None


def test_another_worker_or_channel_is_no_repeat():
    repeats = Repeats(ManualClock())
    repeats.begin(KEY)
    assert repeats.begin(KEY._replace(worker_id="other")) is None
    assert repeats.begin(KEY._replace(build_id="other")) is None


def test_a_forgotten_outcome_is_not_given_again():
    repeats = Repeats(ManualClock())
    repeats.begin(KEY)
    repeats.finish(KEY, None, remember=True)
    repeats.forget(KEY)
    assert repeats.begin(KEY) is None
