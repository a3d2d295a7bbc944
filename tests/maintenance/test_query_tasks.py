"""Query tasks through lanes on both databases: handed over, leased again, given up, removed."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from durable_server.advance.queries import AskQuery, ChangeQuery, return_query
from durable_server.clock import SECOND
from durable_server.engine import query_task
from durable_server.engine.query_task import Claim, QueryTask, Question, Result
from durable_server.ids import new_id
from durable_server.maintenance.passes import PassReport, answer_of
from durable_server.maintenance.query_tasks import remove_query_tasks
from durable_server.matching.channels import Channel
from durable_server.refusal import Refusal
from durable_server.server import Server
from durable_server.store import query_tasks

from tests.engine.test_query_tasks import a_question
from tests.maintenance.running import park, poll, running, taken_by
from tests.support.databases import KINDS
from tests.support.services import wait_until

NOTHING = PassReport()
CHANNEL = Channel("default", "orders", "query")


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    settings: dict[str, Any] = {
        "query_task_lease_timeout": 5,
        "query_task_max_pending_per_queue": 3,
    }
    with running(request.param, tmp_path, **settings) as started:
        yield started


def question(**changes: Any) -> Question:
    return a_question(query_task_id=new_id(1), **changes)


def ask(server: Server, **changes: Any) -> QueryTask:
    task: QueryTask = answer_of(server.lanes.put(AskQuery(question(**changes))))
    return task


def claim_of(task: QueryTask) -> Claim:
    return Claim(task.namespace, task.query_task_id, task.lease_owner or "", task.attempt)


def change(server: Server, task: QueryTask, how: Any) -> Any:
    return answer_of(server.lanes.put(ChangeQuery(task.shard, task.query_task_id, how)))


def complete(server: Server, task: QueryTask) -> None:
    claim, result = claim_of(task), Result("1", None, None)
    change(server, task, lambda found, now: query_task.complete(found, now, claim, result))


def stored(server: Server, task: QueryTask) -> QueryTask | None:
    found: QueryTask | None = answer_of(
        server.read(query_tasks.find_query_task, task.shard, task.query_task_id)
    )
    return found


def test_a_query_is_handed_to_a_parked_poll_as_it_is_written(server: Server) -> None:
    wish = park(server, "query")
    wait_until(lambda: server.matcher.counts()["query"] == 1, "the poll is parked")
    asked = ask(server)

    leased = taken_by(wish).task

    assert leased == asked == stored(server, asked)
    assert (leased.status, leased.attempt, leased.lease_owner) == ("leased", 1, "w1")
    assert leased.lease_expires_at == server.clock.now() + 5 * SECOND


def test_polls_for_other_tasks_are_not_given_queries(server: Server) -> None:
    others = [
        park(server, "workflow"),
        park(server, "activity"),
        park(server, "query", "elsewhere"),
    ]
    ask(server)

    assert poll(server, "query").task.status == "leased"
    assert not any(each.pending.done for each in others)


def test_queries_are_given_in_the_order_in_which_they_were_asked(server: Server) -> None:
    asked = []
    for _ in range(3):
        asked.append(ask(server).query_task_id)
        server.clock.advance(0.001)

    assert [poll(server, "query").task.query_task_id for _ in asked] == asked


def test_a_query_never_overtakes_one_that_nobody_has_taken(server: Server) -> None:
    first = ask(server)
    # A lane that is at work decides everything below in its next batch: questions before claims.
    hold, release = threading.Event(), threading.Event()
    server.lanes.write(lambda tx: (hold.set(), release.wait(20)))
    assert hold.wait(20)
    later = AskQuery(question())
    wish = park(server, "query")
    server.lanes.put(later)
    release.set()

    assert taken_by(wish).task.query_task_id == first.query_task_id
    assert poll(server, "query").task.query_task_id == later.question.query_task_id


def test_a_lease_that_ends_is_given_to_whoever_waits(server: Server) -> None:
    ask(server)
    first = poll(server, "query").task
    wish = park(server, "query")
    server.clock.advance(4.9)
    assert not wish.pending.done

    server.clock.advance(0.2)

    again = taken_by(wish).task
    assert (again.query_task_id, again.attempt) == (first.query_task_id, 2)
    with pytest.raises(Refusal) as refused:
        complete(server, first)
    assert refused.value.reason == "query_task_attempt_mismatch"
    complete(server, again)


def test_a_lease_that_is_given_back_is_given_to_whoever_waits(server: Server) -> None:
    ask(server)
    first = poll(server, "query").task
    wish = park(server, "query")
    answer_of(server.lanes.put(return_query(first)))

    assert taken_by(wish).task.attempt == 2


def test_what_nobody_waits_for_is_not_given_out(server: Server) -> None:
    asked = ask(server)
    change(server, asked, query_task.leave)
    server.clock.advance(31)
    late = ask(server)

    assert poll(server, "query").task.query_task_id == late.query_task_id


def test_a_queue_takes_only_so_many_queries(server: Server) -> None:
    asked = [ask(server) for _ in range(3)]
    with pytest.raises(Refusal) as refused:
        ask(server)
    assert (refused.value.reason, refused.value.facts["limit"]) == ("query_task_queue_full", 3)
    assert ask(server, task_queue="elsewhere").status == "ready"
    assert ask(server, namespace="elsewhere").status == "ready"

    change(server, asked[0], query_task.leave)
    assert ask(server).status == "ready"


def test_queries_of_one_batch_are_counted_together(server: Server) -> None:
    items = [AskQuery(question()) for _ in range(9)]
    for item in items:
        server.lanes.put(item)
    wait_until(lambda: all(item.pending.done for item in items), "all are answered")

    assert sum(item.pending.succeeded for item in items) == 3


def test_the_pass_removes_what_expired_within_its_bound(server: Server) -> None:
    asked = [ask(server) for _ in range(3)]
    done = poll(server, "query").task
    complete(server, done)
    now = server.clock.now()
    assert remove_query_tasks(server, now + 59 * SECOND, 10) == NOTHING
    assert remove_query_tasks(server, now + 61 * SECOND, 10) == PassReport(1, 1, 0, False)
    assert stored(server, done) is None
    assert remove_query_tasks(server, now + 181 * SECOND, 1) == PassReport(1, 1, 0, True)
    assert remove_query_tasks(server, now + 181 * SECOND, 10).carried_out == 1
    assert [stored(server, each) for each in asked] == [None] * 3
