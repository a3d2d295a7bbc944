"""How a poll waits, and what becomes of a task whose client is gone."""

import threading
from types import SimpleNamespace

import pytest
from durable_server.advance.intents import ReturnTask
from durable_server.clock import SECOND, ManualClock
from durable_server.matching.channels import LeasedTask
from durable_server.matching.matcher import Matcher
from durable_server.matching.poll import wait_for_task
from durable_server.matching.rollouts import Rollouts
from durable_server.pending import Pending, run_in_thread
from durable_server.store.rollouts import list_in_force

from tests.matching.polls import CHANNEL, a_poll

TASK_ID = "01976d4f-0000-7000-8000-000000000abc"


class ReturnDesk:
    """Where returned tasks arrive in these tests."""

    def __init__(self) -> None:
        self.returned: list[ReturnTask] = []

    def put(self, intent: ReturnTask) -> Pending:
        self.returned.append(intent)
        return intent.pending


class Client:
    """A client that can go away."""

    def __init__(self) -> None:
        self._callback = None
        self._known = threading.Event()

    def lost(self, callback) -> None:
        self._callback = callback
        self._known.set()

    def go_away(self) -> None:
        assert self._known.wait(20)
        self._callback()

    def wait_until_known(self) -> None:
        assert self._known.wait(20)


class Setting:
    """A server of which only matching is at work, with a poll that waits in a thread."""

    def __init__(self) -> None:
        self.clock, self.lanes = ManualClock(), ReturnDesk()
        self.parked = threading.Semaphore(0)
        self.matcher = Matcher(
            self.clock, lambda channel: self.parked.release(), check_seconds=lambda: 3600.0
        )
        self.settings = SimpleNamespace(worker_poll_timeout=3600)
        self.rollouts = Rollouts(self)
        self.held = ("leased", "w1", 1, self.clock.now() + 60 * SECOND)

    def read(self, query, *arguments) -> Pending:
        pending = Pending()
        pending.answer([] if query is list_in_force else self.held)
        return pending

    def leased(self) -> LeasedTask:
        status, owner, attempt, expires = self.held
        task = SimpleNamespace(
            shard=0xABC,
            task_id=TASK_ID,
            status=status,
            lease_owner=owner,
            attempt=attempt,
            lease_expires_at=expires,
        )
        return LeasedTask(task, None, None, [])

    def poll(self, poll, client=None, seconds=None):
        results = []
        client = client or Client()

        def wait() -> None:
            results.append(run_in_thread(wait_for_task(self, poll, seconds, client.lost)))

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        return SimpleNamespace(results=results, thread=thread)


@pytest.fixture
def setting():
    setting = Setting()
    yield setting
    setting.matcher.withdraw_all()


def finish(waiting) -> object:
    waiting.thread.join(20)
    assert not waiting.thread.is_alive()
    return waiting.results[0]


def test_a_parked_poll_gets_the_task_that_a_lane_hands_over(setting):
    waiting = setting.poll(a_poll())
    assert setting.parked.acquire(timeout=10)
    leased = setting.leased()
    setting.matcher.take(CHANNEL, "any", None).pending.answer(leased)
    assert finish(waiting) is leased
    assert setting.lanes.returned == []
    assert len(setting.matcher.timers) <= 1


def test_a_poll_ends_empty_when_its_time_is_over(setting):
    assert finish(setting.poll(a_poll(), seconds=0.01)) is None
    assert setting.matcher.counts()["workflow"] == 0


def test_a_lost_client_leaves_no_parked_poll(setting):
    client = Client()
    waiting = setting.poll(a_poll(), client)
    assert setting.parked.acquire(timeout=10)
    client.wait_until_known()
    client.go_away()
    assert finish(waiting) is None
    assert setting.matcher.counts()["workflow"] == 0


def test_a_task_that_arrives_for_a_lost_client_is_returned(setting):
    client = Client()
    waiting = setting.poll(a_poll(), client)
    assert setting.parked.acquire(timeout=10)
    client.wait_until_known()
    poll = setting.matcher.take(CHANNEL, "any", None)
    client.go_away()
    poll.pending.answer(setting.leased())
    finish(waiting)
    intent = setting.lanes.returned[0]
    assert (intent.shard, intent.task_id) == (0xABC, TASK_ID)
    assert (intent.lease_owner, intent.attempt) == ("w1", 1)


def test_a_client_lost_before_its_reply_is_sent_returns_the_task_once(setting):
    client = Client()
    waiting = setting.poll(a_poll(), client)
    assert setting.parked.acquire(timeout=10)
    setting.matcher.take(CHANNEL, "any", None).pending.answer(setting.leased())
    finish(waiting)
    client.go_away()
    client.go_away()
    assert len(setting.lanes.returned) == 1


def test_a_repeat_gets_the_same_task_while_the_lease_lasts(setting):
    waiting = setting.poll(a_poll(poll_request_id="p1"))
    assert setting.parked.acquire(timeout=10)
    leased = setting.leased()
    setting.matcher.take(CHANNEL, "any", None).pending.answer(leased)
    finish(waiting)
    assert finish(setting.poll(a_poll(poll_request_id="p1"))) is leased
    setting.held = ("completed", None, 1, None)
    assert finish(setting.poll(a_poll(poll_request_id="p1"), seconds=0.01)) is None


def test_repeats_in_flight_share_one_wait(setting):
    first = setting.poll(a_poll(poll_request_id="p1"))
    assert setting.parked.acquire(timeout=10)
    second = setting.poll(a_poll(poll_request_id="p1"))
    leased = setting.leased()
    setting.matcher.take(CHANNEL, "any", None).pending.answer(leased)
    assert finish(first) is leased
    assert finish(second) is leased
    assert setting.matcher.counts()["workflow"] == 0


def test_a_repeat_goes_on_waiting_when_the_first_client_is_lost(setting):
    client = Client()
    first = setting.poll(a_poll(poll_request_id="p1"), client)
    assert setting.parked.acquire(timeout=10)
    second_client = Client()
    second = setting.poll(a_poll(poll_request_id="p1"), second_client)
    second_client.wait_until_known()
    client.go_away()
    leased = setting.leased()
    setting.matcher.take(CHANNEL, "any", None).pending.answer(leased)
    finish(first)
    assert finish(second) is leased
    assert setting.lanes.returned == []
    second_client.go_away()
    assert len(setting.lanes.returned) == 1
