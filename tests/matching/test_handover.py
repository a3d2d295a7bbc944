"""Tasks reach parked polls through real lanes, on both databases, in whichever order."""

import threading

import pytest
from durable_server.advance.intents import ReturnTask
from durable_server.maintenance.passes import answer_of
from durable_server.matching.channels import Channel, Poll, PollingWorker
from durable_server.matching.poll import wait_for_task
from durable_server.pending import run_in_thread

from tests.maintenance.running import poll, running, start, until
from tests.support.databases import KINDS

CHANNEL = Channel("default", "orders", "workflow")


@pytest.fixture(params=KINDS)
def server(request, tmp_path):
    with running(request.param, tmp_path) as server:
        yield server


def wish(name: str = "w1", poll_request_id: str | None = None) -> Poll:
    return Poll(CHANNEL, PollingWorker(name, None, None, None, "avro"), poll_request_id)


def wait(server, wanted: Poll, seconds: float | None = 20, lost=lambda callback: None):
    return run_in_thread(wait_for_task(server, wanted, seconds, lost))


def test_a_task_that_is_there_is_claimed(server):
    run_id = start(server)
    leased = wait(server, wish())
    assert (leased.run.run_id, leased.task.lease_owner) == (run_id, "w1")
    assert [event.event_type for event in leased.events] == ["StartAccepted", "WorkflowStarted"]


def test_a_probe_of_an_empty_queue_ends_at_once_and_one_of_a_full_queue_gets_the_task(server):
    assert wait(server, wish(), 0) is None
    run_id = start(server)
    assert wait(server, wish(), 0).run.run_id == run_id


def test_a_task_made_later_is_handed_over(server):
    results = []
    waiting = threading.Thread(target=lambda: results.append(wait(server, wish())))
    waiting.start()
    until(lambda: server.matcher.counts()["workflow"] == 1)
    run_id = start(server)
    waiting.join(20)
    assert results[0].run.run_id == run_id
    assert results[0].task.attempt == 1


def test_every_task_reaches_exactly_one_of_many_polls(server):
    results = []
    threads = [
        threading.Thread(target=lambda n=n: results.append(wait(server, wish(f"w{n}"))))
        for n in range(40)
    ]
    runs = [start(server) for _ in range(20)]
    for thread in threads:
        thread.start()
    runs += [start(server) for _ in range(20)]
    for thread in threads:
        thread.join(30)
    assert sorted(each.run.run_id for each in results) == sorted(runs)


def test_a_repeated_poll_gets_the_same_lease(server):
    start(server)
    first = wait(server, wish(poll_request_id="p1"))
    again = wait(server, wish(poll_request_id="p1"))
    assert (again.task.task_id, again.task.attempt) == (first.task.task_id, first.task.attempt)


def test_a_repeated_poll_gets_the_same_lease_from_a_process_that_does_not_remember(server):
    start(server)
    first = wait(server, wish(poll_request_id="p1"))
    server.matcher.repeats.forget(next(iter(server.matcher.repeats._finished)))
    again = wait(server, wish(poll_request_id="p1"))
    assert (again.task.task_id, again.task.attempt) == (first.task.task_id, first.task.attempt)


def test_a_returned_task_goes_to_the_next_poll(server):
    start(server)
    task = wait(server, wish()).task
    returned = ReturnTask(
        shard=task.shard, task_id=task.task_id, lease_owner="w1", attempt=task.attempt
    )
    answer_of(server.lanes.put(returned))
    assert wait(server, wish("w2")).task.lease_owner == "w2"


def test_a_client_lost_after_its_task_was_leased_gives_it_back(server):
    callbacks = []
    start(server)
    wait(server, wish(), lost=callbacks.append)
    callbacks[0]()
    assert poll(server).task.lease_owner == "w1"


def test_a_thousand_idle_polls_cause_no_claims_of_their_own(server):
    claims = []
    real = server.matcher.claim

    def counted(channel):
        claims.append(channel)
        return real(channel)

    server.matcher.claim = counted
    server.matcher.check_seconds = lambda: 3600.0
    for number in range(1000):
        server.matcher.park(wish(f"w{number}"))
    until(lambda: server.matcher._queues[CHANNEL].known_empty)
    before = len(claims)
    for number in range(1000):
        server.matcher.park(wish(f"x{number}"))
    assert len(claims) == before
    run_id = start(server)
    until(lambda: server.matcher.counts()["workflow"] == 1999)
    assert run_id
