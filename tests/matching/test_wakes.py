"""Wakes reach other processes' servers and never come back to the sender."""

import threading
import uuid

import psycopg2
import pytest
import redis
from durable_server.matching.channels import Channel
from durable_server.matching.wakes import encode
from durable_server.matching.wakes_local import LocalWakes
from durable_server.matching.wakes_postgres import PostgresWakes
from durable_server.matching.wakes_redis import RedisWakes

from tests.matching.polls import CHANNEL
from tests.support.services import postgres_url, redis_url

SECONDS_MAX = 20


class Heard:
    """Collects wakes and lets a test wait for one of them."""

    def __init__(self) -> None:
        self.names: set[object] = set()
        self.count = 0
        self._changed = threading.Condition()

    def add(self, *names: object) -> None:
        with self._changed:
            self.names.update(names)
            self.count += 1
            self._changed.notify_all()

    def wait_for(self, *names: object) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: set(names) <= self.names, SECONDS_MAX)


def open_pair(kind: str):
    make = {
        "postgres": lambda name: PostgresWakes(postgres_url(), name),
        "redis": lambda name: RedisWakes(redis_url(), name),
    }[kind]
    return make("server-a"), make("server-b")


def hearing(wakes) -> Heard:
    heard = Heard()
    wakes.subscribe(heard.add, lambda runs: heard.add(*runs))
    return heard


def until_connected(*all_wakes) -> None:
    deadline = threading.Event()
    for _ in range(SECONDS_MAX * 100):
        if all(wakes.connected for wakes in all_wakes):
            return
        deadline.wait(0.01)
    raise AssertionError("wakes did not connect")


@pytest.fixture(params=["postgres", "redis"])
def pair(request):
    both = open_pair(request.param)
    ears = [hearing(wakes) for wakes in both]
    for wakes in both:
        wakes.start()
    until_connected(*both)
    yield (*both, *ears)
    for wakes in both:
        wakes.stop()


def test_another_server_hears_channels_and_runs(pair):
    sender, _, _, heard = pair
    sender.publish({CHANNEL}, {"run-1"})
    assert heard.wait_for(CHANNEL, "run-1")


def test_a_server_does_not_hear_its_own_channels(pair):
    sender, other, own, heard = pair
    sender.publish({CHANNEL}, set())
    assert heard.wait_for(CHANNEL)
    back = CHANNEL._replace(task_queue="back")
    other.publish({back}, set())
    assert own.wait_for(back)
    assert CHANNEL not in own.names


def test_own_watchers_are_told_of_runs_at_once(pair):
    sender, _, own, _ = pair
    sender.publish(set(), {"run-2"})
    assert "run-2" in own.names


def test_thousands_of_wakes_arrive_in_bounded_notifications(pair):
    sender, _, _, heard = pair
    channels = {CHANNEL._replace(task_queue=f"queue {number} é") for number in range(2000)}
    sender.publish(channels, set())
    assert heard.wait_for(*channels)


def test_notifications_keep_their_bound_and_leave_out_what_cannot_fit():
    channels = {Channel("n", "q" * 100 + str(number), "workflow") for number in range(200)}
    pages = list(encode("s", channels | {Channel("n", "x" * 9000, "workflow")}, ["r"], 7900))
    assert len(pages) > 1
    assert all(len(page.encode()) <= 7900 for page in pages)
    assert "x" * 9000 not in "".join(pages)


def named(url: str, option: str) -> tuple[str, str]:
    """The address under a connection name of this test alone, and that name."""
    name = f"wakes-{uuid.uuid4().hex}"
    return f"{url}{'&' if '?' in url else '?'}{option}={name}", name


def cut_off_postgres(name: str) -> int:
    with psycopg2.connect(postgres_url()) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name = %s",
            (name,),
        )
        return cursor.fetchone()[0]


def cut_off_redis(name: str) -> int:
    client = redis.Redis.from_url(redis_url())
    ids = [each["id"] for each in client.client_list() if each["name"] == name]
    return sum(client.client_kill_filter(_id=each) for each in ids)


@pytest.mark.parametrize("kind", ["postgres", "redis"])
def test_wakes_come_back_when_they_were_cut_off(kind):
    sender, _ = open_pair(kind)
    if kind == "postgres":
        url, name = named(postgres_url(), "application_name")
        receiver, cut_off = PostgresWakes(url, "server-b"), cut_off_postgres
    else:
        url, name = named(redis_url(), "client_name")
        receiver, cut_off = RedisWakes(url, "server-b"), cut_off_redis
    heard = hearing(receiver)
    for wakes in (sender, receiver):
        wakes.start()
    until_connected(sender, receiver)
    assert cut_off(name) >= 1
    pause = threading.Event()
    for _ in range(SECONDS_MAX * 10):
        sender.publish({CHANNEL}, set())
        if CHANNEL in heard.names:
            break
        pause.wait(0.1)
    assert CHANNEL in heard.names
    sender.stop()
    receiver.stop()


def test_local_wakes_tell_the_watchers_of_this_process():
    wakes = LocalWakes("server-a")
    heard = hearing(wakes)
    wakes.publish({CHANNEL}, {"run-1"})
    assert heard.names == {"run-1"}
