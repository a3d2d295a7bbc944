"""What is written comes back; conflicts and refusals store nothing."""

import copy
import sqlite3
from contextlib import suppress

import psycopg2
import pytest
from durable_server.engine.decision import Decision
from durable_server.engine.run_state import Payload
from durable_server.refusal import Refusal
from durable_server.store import activities, messages, open_work, runs, tasks, timers, workers
from durable_server.store.database import StoreConflict, StoreLost
from durable_server.store.errors import classify
from durable_server.store.transaction import Taker

from tests.store.rows import NOW, a_start


def write(store, *decisions):
    with store.connect().transaction() as tx:
        tx.write(list(decisions))


def keys_of(decision):
    run = decision.state.run
    return [(run.shard, run.run_id)]


def test_every_row_comes_back_as_it_was_written(store):
    start = a_start("o'rder\\{},NULL\";--\u2603\U0001f600")
    write(store, start)
    with store.connect().transaction() as tx:
        key = keys_of(start)
        run = start.state.run
        assert tx.lock_runs(key, [], []) == [run]
        task = next(iter(start.tasks.values()))
        assert tx.lock_runs([], [(task.shard, task.task_id)], []) == [run]
        assert tx.lock_runs([], [], [(run.shard, next(iter(start.activities)))]) == [run]
        assert tx.fetch("workflows_by_id", [start.workflow[:3]]) == [start.workflow]
        assert tx.fetch("details_of_runs", key) == [start.details]
        assert tx.fetch("open_tasks_of_runs", key) == [task]
        assert tx.fetch("open_activities_of_runs", key) == list(start.activities.values())
        assert tx.fetch("timers_of_barriers", [(*key[0], 1)]) == list(start.timers.values())
        assert tx.fetch("activities_of_barriers", [(*key[0], 1)]) == list(start.activities.values())
        assert tx.fetch("events_of_runs", [(*key[0], 0, 9)]) == start.events
        assert tx.fetch("events_at", [(*key[0], 1)]) == start.events
        assert tx.claimable(("default", "q", "workflow"), NOW, 5, Taker(None, None)) == [task]
        assert tx.claimable(("default", "q", "workflow"), NOW, 5, Taker(["other"], None)) == []
        assert tx.claimable(("default", "q", "workflow"), NOW, 5, Taker(["echo"], "b")) == [task]


@pytest.mark.parametrize(
    ("types", "build_id", "found"),
    [
        (None, "blue", True),
        (None, None, False),
        (None, "green", False),
        (["echo"], "blue", True),
        (["echo"], None, False),
        (["other"], "blue", False),
    ],
)
def test_tasks_of_a_build_are_found_for_its_workers_alone(store, types, build_id, found):
    start = a_start()
    [task] = start.tasks.values()
    start.tasks[task.task_id] = task._replace(build_id="blue")
    write(store, start)
    with store.connect().transaction() as tx:
        claimable = tx.claimable(("default", "q", "workflow"), NOW, 5, Taker(types, build_id))

    assert bool(claimable) is found


def test_later_decisions_of_a_batch_win(store):
    start = a_start()
    task = next(iter(start.tasks.values()))
    leased = task._replace(status="leased", lease_owner="w", poll_request_id="p", attempt=1)
    run = copy.copy(start.state.run)
    run.status = "waiting"
    lease = Decision(
        state=type(start.state)(run), tasks={task.task_id: leased}, output=Payload("json", "1")
    )
    write(store, start, lease)
    with store.connect().transaction() as tx:
        assert tx.lock_runs(keys_of(start), [], [])[0].status == "waiting"
        assert tx.leased_to([("default", "w", "p")]) == [leased]
        assert tx.fetch("details_of_runs", keys_of(start))[0].output == Payload("json", "1")
    run = copy.copy(run)
    run.status = "completed"
    done = leased._replace(status="completed")
    write(
        store,
        Decision(
            state=type(start.state)(run), tasks={task.task_id: done}, output=Payload("json", "2")
        ),
    )
    with store.connect().transaction() as tx:
        assert tx.fetch("tasks_by_id", [(task.shard, task.task_id)]) == [done]
        assert tx.fetch("details_of_runs", keys_of(start))[0].output == Payload("json", "2")


def test_a_second_holder_of_a_workflow_id_conflicts_and_leaves_nothing(store):
    write(store, a_start())
    second = a_start()
    with pytest.raises(StoreConflict):
        write(store, second)
    with store.connect().transaction() as tx:
        assert tx.lock_runs(keys_of(second), [], []) == []


def test_queries_find_what_is_due(store):
    start = a_start()
    write(store, start)
    with store.connect().transaction() as tx:
        assert len(timers.due_timers(tx, NOW + 1, 9)) == 1 and timers.next_due(tx) == NOW + 1
        assert len(activities.due_activities(tx, NOW + 3, 9)) == 1
        assert len(runs.due_runs(tx, NOW + 5, 9)) == 1 and runs.next_deadline(tx) == NOW + 5
        found = open_work.first_open(tx, start.state.run)
        assert found.activity is not None and found.activity.activity_type == "greet"
        assert found.child is None and found.workflow_task is not None
        assert tasks.expired_leases(tx, NOW, 9) == [] and tasks.next_lease_expiry(tx) is None
        assert tasks.ready_channels(tx, NOW) == [("default", "q", "workflow")]
        assert messages.due_messages(tx, NOW, 9) == start.messages
        assert runs.find_current_run(tx, "default", "order-1")[1] == start.state.run
        listed = runs.list_runs(tx, runs.RunFilter("default", text="rder"), None, 5)
        assert [each.run for each in listed] == [start.state.run]


def test_children_signals_and_updates_are_found_by_run_and_by_request(store):
    start = a_start()
    write(store, start)
    shard, run_id = keys_of(start)[0]
    run = start.state.run
    request = (shard, run.namespace, run.workflow_id, f"{run_id}r")
    with store.connect().transaction() as tx:
        assert tx.fetch("open_children_of_runs", [(shard, run_id)]) == [*start.children.values()]
        assert tx.fetch("children_of_barriers", [(shard, run_id, 3)]) == [*start.children.values()]
        assert tx.fetch("open_signals_of_runs", [(shard, run_id)]) == [*start.signals.values()]
        assert tx.fetch("open_updates_of_runs", [(shard, run_id)]) == [*start.updates.values()]
        assert tx.fetch("signals_by_request", [request]) == [*start.signals.values()]
        assert tx.fetch("updates_by_request", [request]) == [*start.updates.values()]
        assert tx.fetch("signals_by_request", [(*request[:3], "other")]) == []


def test_a_delivered_message_leaves_the_outbox_once(store):
    start = a_start()
    write(store, start)
    (message,) = start.messages
    with store.connect().transaction() as tx:
        tx.delete_messages([(message.shard, message.message_id)])
        tx.delete_messages([(message.shard, message.message_id)])
        assert messages.due_messages(tx, NOW, 9) == []


def test_a_worker_is_replaced_and_marked_stale(store):
    worker = workers.Worker(
        "default", "w", "q", "python", None, None, "1.0", None, None, "{}", 1, 1, "[]", "{}",
        "active", NOW, NOW, NOW,
    )  # fmt: skip
    with store.connect().transaction() as tx:
        workers.upsert_worker(tx, worker)
        workers.upsert_worker(tx, worker._replace(task_queue="r"))
        assert workers.find_worker(tx, "default", "w").task_queue == "r"
        assert workers.mark_stale(tx, NOW + 1, 9) == 1
        workers.touch_workers(tx, [("default", "w", NOW + 2)])
        assert workers.fresh_workers(tx, None, NOW + 2)[0].status == "active"
        assert workers.delete_worker(tx, "default", "w")


def test_postgres_skips_what_another_holds_refuses_nul_and_recovers(store):
    start = a_start()
    write(store, start)
    if store.kind == "sqlite":
        write(store, a_start("nul\0"))
        return
    with store.connect().transaction() as first, store.connect().transaction() as second:
        assert first.lock_runs(keys_of(start), [], [])
        assert second.lock_runs(keys_of(start), [], [], skip_locked=True) == []
    with pytest.raises(Refusal):
        write(store, a_start("nul\0"))
    connection = store.connect()
    with pytest.raises(StoreLost), connection.transaction() as tx:
        pid = tx.database.execute_sql("SELECT pg_backend_pid()").fetchone()[0]
        killer = psycopg2.connect(store.url)
        killer.cursor().execute(f"SELECT pg_terminate_backend({pid})")
        killer.close()
        tx.lock_runs(keys_of(start), [], [])
    with connection.transaction() as tx:
        assert tx.lock_runs(keys_of(start), [], [])
    assert isinstance(classify(psycopg2.InterfaceError("closed")), StoreLost)


@pytest.mark.parametrize("fails", [False, True])
def test_whoever_holds_a_transaction_that_is_over_touches_its_connection_no_more(store, fails):
    # On another thread, the end of its cursor would reset what the next transaction runs.
    kept = []
    start = a_start()
    with suppress(Refusal), store.connect().transaction() as tx:
        kept.append(tx)
        tx.write([start])
        if fails:
            raise Refusal("store_busy")

    with pytest.raises((sqlite3.ProgrammingError, psycopg2.InterfaceError)):
        kept[0].fetch("events_of_runs", [(*keys_of(start)[0], 0, 9)])
