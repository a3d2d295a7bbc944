"""Limited queues through real lanes on both databases: no order of events passes a limit."""

import json
import threading
from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

import pytest
from durable_server.clock import SECOND
from durable_server.maintenance.task_leases import expire_task_leases
from durable_server.matching.admission import MINUTE
from durable_server.matching.channels import Channel, Poll, PollingWorker
from durable_server.server import Server
from durable_server.store.models import Task
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peewee import SQL

from tests.maintenance.running import complete, running, start, taken_by, until
from tests.support.databases import KINDS

LEASES, RATE, NAMESPACE_LEASES, GROUP_RATE = 2, 4, 3, 5
END = {"type": "complete_workflow"}
OVERRIDES = {
    "held:leases": {"workflow_tasks": {"max_active_leases": LEASES}},
    "held:rate": {"workflow_tasks": {"max_dispatches_per_minute": RATE}},
    "small:*": {"workflow_tasks": {"max_active_leases_per_namespace": NAMESPACE_LEASES}},
    "grouped:*": {
        "workflow_tasks": {
            "budget_group": "mail",
            "max_dispatches_per_minute_per_budget_group": GROUP_RATE,
        }
    },
}


@pytest.fixture(scope="module", params=KINDS)
def server(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("limited")
    with running(
        request.param, folder, task_queue_admission_overrides=json.dumps(OVERRIDES), lane_count=3
    ) as started:
        yield started


@pytest.fixture(autouse=True)
def end_everything(server: Server) -> Iterator[None]:
    """What a test leaves behind must not count in the next one."""
    yield
    server.clock.advance(3600)
    server.matcher.withdraw_where(lambda poll: True)
    for _ in range(20):
        if not expire_task_leases(server, server.clock.now(), 500).found:
            break


def park(server: Server, namespace: str, queue: str) -> Poll:
    worker = PollingWorker("w1", None, None, None, "avro")
    wish = Poll(Channel(namespace, queue, "workflow"), worker)
    server.matcher.park(wish)
    return wish


def settle(server: Server) -> None:
    """Wait until no lane has anything to do and no claim is under way."""
    until(lambda: not any(map(len, server.lanes.lanes)))
    until(lambda: not any(queue.claiming for queue in server.matcher._queues.values()))


def out(server: Server, namespace: str) -> list[tuple[str, int]]:
    """The leases of a namespace that have not run out: task queue and when it was leased."""
    connection = server.store.connect()
    with connection.transaction(write=False) as tx:
        query = Task.select(Task.task_queue, Task.leased_at).where(
            Task.namespace == namespace,
            SQL("status = 'leased'"),
            Task.lease_expires_at > server.clock.now(),
        )
        found = list(query.tuples().execute(tx.database))
    connection.close()
    return found


def answered(polls: list[Poll]) -> list[Poll]:
    return [poll for poll in polls if poll.pending.done]


def test_no_more_are_out_than_may_be_and_one_that_ends_lets_the_next_go(server: Server) -> None:
    polls = [park(server, "held", "leases") for _ in range(6)]
    for _ in range(6):
        start(server, namespace="held", task_queue="leases")
    until(lambda: len(answered(polls)) == LEASES)
    settle(server)
    assert len(answered(polls)) == len(out(server, "held")) == LEASES

    for done in range(1, 5):
        complete(server, taken_by(answered(polls)[-1]), END)
        until(lambda done=done: len(answered(polls)) == LEASES + done)
        settle(server)
        assert len(out(server, "held")) == LEASES


def test_a_lease_that_runs_out_lets_the_next_go(server: Server) -> None:
    polls = [park(server, "held", "leases") for _ in range(4)]
    for _ in range(4):
        start(server, namespace="held", task_queue="leases")
    until(lambda: len(answered(polls)) == LEASES)
    server.clock.advance(server.settings.workflow_task_timeout + 1)
    expire_task_leases(server, server.clock.now(), 100)
    until(lambda: len(answered(polls)) == 2 * LEASES)
    settle(server)
    assert len(out(server, "held")) == LEASES


def test_a_minute_lets_so_many_go_and_the_next_minute_as_many_again(server: Server) -> None:
    now = server.clock.now()
    server.clock.advance((MINUTE - now % MINUTE) / SECOND)
    polls = [park(server, "held", "rate") for _ in range(2 * RATE)]
    for _ in range(2 * RATE):
        start(server, namespace="held", task_queue="rate")
    until(lambda: len(answered(polls)) == RATE)
    for poll in answered(polls):
        complete(server, taken_by(poll), END)
    settle(server)
    assert len(answered(polls)) == RATE

    # An alarm stands at the moment of the next minute; a held clock rings none.
    server.clock.advance(60)
    channel, moment = Channel("held", "rate", "workflow"), server.clock.now()
    assert (channel, moment) in server.matcher._wake_times
    server.matcher.backlog(channel)
    until(lambda: len(answered(polls)) == 2 * RATE)


def test_the_queues_of_a_namespace_share_its_leases(server: Server) -> None:
    polls = [park(server, "small", queue) for queue in ("a", "b", "c") for _ in range(2)]
    for queue in ("a", "b", "c"):
        for _ in range(2):
            start(server, namespace="small", task_queue=queue)
    until(lambda: len(answered(polls)) == NAMESPACE_LEASES)
    settle(server)
    assert len(out(server, "small")) == NAMESPACE_LEASES

    complete(server, taken_by(answered(polls)[0]), END)
    until(lambda: len(answered(polls)) == NAMESPACE_LEASES + 1)


def test_a_queue_without_limits_is_handed_its_tasks_beside_limited_ones(server: Server) -> None:
    poll = park(server, "held", "free")
    start(server, namespace="held", task_queue="free")
    assert taken_by(poll).task.attempt == 1


EVENTS = st.lists(
    st.sampled_from(["start", "poll", "complete", "expire", "minute"]), min_size=5, max_size=25
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(events=EVENTS, queues=st.lists(st.sampled_from(["x", "y"]), min_size=25, max_size=25))
@pytest.mark.parametrize(("namespace", "leases", "rate"), [
    ("small", NAMESPACE_LEASES, None), ("grouped", None, GROUP_RATE),
])  # fmt: skip
def test_no_sequence_of_events_passes_a_limit(
    server: Server,
    namespace: str,
    leases: int | None,
    rate: int | None,
    events: list[str],
    queues: list[str],
) -> None:
    held: deque[Poll] = deque()
    minutes: Counter[int] = Counter()
    for event, queue in zip(events, queues, strict=False):
        if event == "start":
            start(server, namespace=namespace, task_queue=queue)
        elif event == "poll":
            held.append(park(server, namespace, queue))
        elif event == "complete" and held and held[0].pending.done:
            leased = held.popleft().pending.result()
            minutes[leased.task.leased_at // MINUTE] += 1
            if leased.task.lease_expires_at > server.clock.now():
                complete(server, leased, END)
        elif event == "expire":
            server.clock.advance(server.settings.workflow_task_timeout)
            expire_task_leases(server, server.clock.now(), 100)
        elif event == "minute":
            server.clock.advance(60)
        assert leases is None or len(out(server, namespace)) <= leases
    settle(server)
    for poll in answered(list(held)):
        minutes[taken_by(poll).task.leased_at // MINUTE] += 1
    assert rate is None or max(minutes.values(), default=0) <= rate
    server.clock.advance(120)
    server.matcher.withdraw_where(lambda poll: True)


def test_many_threads_at_once_pass_no_limit(server: Server) -> None:
    """Starts, polls and completions from several threads, on three lanes where there are three."""
    most, stop = [0], threading.Event()

    def watch() -> None:
        while not stop.is_set():
            most[0] = max(most[0], len(out(server, "small")))

    def work(queue: str) -> None:
        for _ in range(8):
            start(server, namespace="small", task_queue=queue)
        for _ in range(8):
            complete(server, taken_by(park(server, "small", queue)), END)

    watcher = threading.Thread(target=watch)
    workers = [threading.Thread(target=work, args=(queue,)) for queue in "pqrpqr"]
    watcher.start()
    for each in workers:
        each.start()
    for each in workers:
        each.join(60)
    stop.set()
    watcher.join(10)
    assert 0 < most[0] <= NAMESPACE_LEASES
    assert not any(each.is_alive() for each in workers)
