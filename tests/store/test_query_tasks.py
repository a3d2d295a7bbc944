"""Query tasks on both databases: found by whoever may take them, locked, counted, removed."""

from pathlib import Path
from typing import Any

import pytest
from durable_server.clock import SECOND
from durable_server.engine import query_task
from durable_server.engine.query_task import QueryTask
from durable_server.engine.tasks import Holder
from durable_server.store import columns, query_tasks
from durable_server.store.database import Store
from durable_server.store.transaction import Taker

from tests.engine.test_query_tasks import a_question
from tests.store.rows import NOW
from tests.support.databases import own_store

HOLDER = Holder("w", None, "avro", "p-1")
PLACE = ("default", "orders")
ANYONE = Taker(None, None)
KEYS = [(1, f"{number}") for number in range(5)]


def asked(name: str, at: int = NOW, **changes: Any) -> QueryTask:
    return query_task.ask(a_question(query_task_id=name, **changes), at)


def store_all(store: Store, *tasks: QueryTask) -> None:
    with store.connect().transaction() as tx:
        rows = [columns.QUERY_TASKS.to_row(task) for task in tasks]
        tx.write_rows("insert_query_tasks", rows)


def claimable(
    store: Store, now: int = NOW, taker: Taker = ANYONE, limit: int = 9, place: Any = PLACE
) -> list[str]:
    with store.connect().transaction() as tx:
        found = tx.claimable_query_tasks(place, now, limit, taker)
        return [task.query_task_id for task in found]


def test_a_row_comes_back_as_it_was_written(store: Store) -> None:
    text = "q'\\{},NULL\";--\u2603\U0001f600"
    task = asked("a", query_name=text, arguments=text)
    store_all(store, task)
    held = query_task.lease(task, NOW, 9, HOLDER)._replace(result=text, result_blob="", failure="x")
    with store.connect().transaction() as tx:
        assert tx.lock_query_tasks([(1, "a"), (1, "absent")]) == [task]
        row = columns.QUERY_TASKS.pick_kept(columns.QUERY_TASKS.to_row(held))
        tx.write_rows("update_query_tasks", [row])
    with store.connect().transaction(write=False) as tx:
        assert query_tasks.find_query_task(tx, 1, "a") == held
        assert tx.fetch("query_tasks_leased_to", [(*PLACE, "w", "p-1")]) == [held]
        assert tx.fetch("query_tasks_leased_to", [(*PLACE, "w", "p-2")]) == []
        assert query_tasks.leases_of(tx, "default", "w", "orders") == [held]
        assert query_tasks.leases_of(tx, "default", "v", "orders") == []
        assert query_tasks.next_lease_end(tx, *PLACE, NOW) == NOW + 9 * SECOND
        assert query_tasks.next_lease_end(tx, *PLACE, NOW + 9 * SECOND) is None


def test_free_queries_are_found_in_the_order_in_which_they_were_asked(store: Store) -> None:
    later, first = asked("a", NOW + 2), asked("b", NOW + 1)
    elsewhere = asked("c", task_queue="other")
    gone = query_task.leave(asked("d"), NOW)
    held = query_task.lease(asked("e"), NOW, 9, HOLDER)
    assert gone is not None
    store_all(store, later, first, elsewhere, gone, held)

    assert claimable(store) == ["b", "a"]
    assert claimable(store, limit=1) == ["b"]
    assert claimable(store, now=NOW + 9 * SECOND) == ["e", "b", "a"]
    assert claimable(store, now=NOW + 30 * SECOND) == ["b", "a"]
    assert claimable(store, now=NOW + 31 * SECOND) == []
    assert claimable(store, place=("default", "other")) == ["c"]
    assert claimable(store, place=("foreign", "orders")) == []


@pytest.mark.parametrize(
    ("types", "build_id", "found"),
    [
        (None, "blue", True),
        (None, None, False),
        (["orders.process"], "blue", True),
        (["orders.process"], "green", False),
        (["other"], "blue", False),
    ],
)
def test_a_query_is_found_by_workers_of_its_type_and_build(
    store: Store, types: list[str] | None, build_id: str | None, found: bool
) -> None:
    store_all(store, asked("a", build_id="blue"))

    assert bool(claimable(store, taker=Taker(types, build_id))) is found


def test_what_another_transaction_holds_is_passed_over(tmp_path: Path) -> None:
    # A write transaction of SQLite holds everything; there nothing can be passed over.
    with own_store("postgresql", tmp_path) as store:
        store_all(store, asked("a"), asked("b"))
        with store.connect().transaction() as tx:
            assert [each.query_task_id for each in tx.lock_query_tasks([(1, "a")])] == ["a"]
            assert claimable(store) == ["b"]


def test_only_queries_that_somebody_waits_for_are_counted(store: Store) -> None:
    held = query_task.lease(asked("b"), NOW, 9, HOLDER)
    gone = query_task.leave(asked("c"), NOW)
    assert gone is not None
    store_all(store, asked("a"), held, gone, asked("d", task_queue="other"))
    with store.connect().transaction(write=False) as tx:
        assert query_tasks.count_waiting(tx, *PLACE, NOW, 9) == (2, 1)
        assert query_tasks.count_waiting(tx, *PLACE, NOW, 1).all == 1
        assert query_tasks.count_waiting(tx, *PLACE, NOW + 9 * SECOND, 9) == (2, 2)
        assert query_tasks.count_waiting(tx, *PLACE, NOW + 30 * SECOND, 9) == (0, 0)


def test_answered_ones_are_told_from_the_others(store: Store) -> None:
    done = query_task.lease(asked("a"), NOW, 9, HOLDER)._replace(status="completed")
    failed = query_task.lease(asked("b"), NOW, 9, HOLDER)._replace(status="failed")
    store_all(store, done, failed, asked("c"))
    with store.connect().transaction(write=False) as tx:
        found = query_tasks.answered_tasks(tx, [(1, each) for each in "abcd"])
        assert {task.query_task_id for task in found} == {"a", "b"}


def test_rows_that_expired_are_removed_within_a_bound(store: Store) -> None:
    store_all(store, *(asked(f"{number}", NOW + number) for number in range(5)))
    late = NOW + 180 * SECOND + 2
    with store.connect().transaction() as tx:
        assert query_tasks.remove_expired(tx, NOW, 9) == 0
        assert query_tasks.remove_expired(tx, late, 2) == 2
        assert query_tasks.remove_expired(tx, late, 9) == 1
        assert query_tasks.remove_expired(tx, late, 9) == 0
        left = {task.query_task_id for task in tx.fetch("query_tasks_by_id", KEYS)}
    assert left == {"3", "4"}
