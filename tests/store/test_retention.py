"""What goes when a run is removed: every row of every table that belongs to it, and no other."""

import pytest
from durable_server.ids import new_id
from durable_server.store import models, retention
from durable_server.store.models import Message, Run
from peewee import BigIntegerField, BooleanField

from tests.store.rows import NOW, a_start
from tests.support.databases import KINDS, own_store

DAY = retention.DAY
# Columns that name a run to which their row does not belong, and why it stays.
ELSEWHERE = {
    ("workflows", "current_run_id"): "a workflow id stays taken",
    ("runs", "run_id"): "the run itself stays, marked",
    ("messages", "sender_run_id"): "a run that owes a message is kept until it is delivered",
    ("messages", "to_run_id"): "the message is the sender's",
    ("children", "child_run_id"): "the row is the parent's",
    ("schedule_events", "run_id"): "the row is the schedule's",
}
# Tables whose rows live for seconds: the few of a shard are looked through.
SHORT_LIVED = {"query_tasks"}


@pytest.fixture(params=KINDS, scope="module")
def store(request, tmp_path_factory):
    with own_store(request.param, tmp_path_factory.mktemp("retention")) as store:
        yield store


@pytest.fixture
def tx(store):
    """A transaction that is undone afterwards."""

    class Undone(Exception):
        pass

    connection = store.connect()
    with pytest.raises(Undone), connection.transaction() as opened:
        yield opened
        raise Undone
    connection.close()


def a_row(model, run) -> dict:
    """Something in every column that needs a value."""
    values = {}
    for name, field in model._meta.fields.items():
        if name in ("shard", "run_id"):
            values[name] = getattr(run, name)
        elif isinstance(field, BooleanField):
            values[name] = False
        elif isinstance(field, BigIntegerField):
            values[name] = 1
        elif not field.null or field.primary_key:
            values[name] = new_id(run.shard)
    return values


def put_run(tx, closed_at: int | None, /, **changes) -> Run:
    """A run with a row in every table that belongs to one."""
    workflow_id = new_id(0)
    decision = a_start(workflow_id)
    run = decision.state.run
    run.closed_at = closed_at
    for name, value in changes.items():
        setattr(run, name, value)
    run.status = "waiting" if run.closed_at is None else "completed"
    tx.write([decision])
    for model in retention.OWNED:
        mine = (model.shard == run.shard) & (model.run_id == run.run_id)
        model.delete().where(mine).execute(tx.database)
        model.insert(a_row(model, run)).execute(tx.database)
        if model is models.Task:
            for status in ("completed", "failed", "cancelled", "leased"):
                row = {**a_row(model, run), "status": status}
                model.insert(row).execute(tx.database)
            model.update(status="ready").where(model.status.startswith("0")).execute(tx.database)
    settle(tx, run)
    return run


def settle(tx, run) -> None:
    Message.delete().where(Message.sender_run_id == run.run_id).execute(tx.database)


def rows_of(tx, run) -> dict[str, int]:
    """How many rows each table has of a run."""
    return {
        model._meta.table_name: model.select()
        .where(model.shard == run.shard, model.run_id == run.run_id)
        .count(tx.database)
        for model in retention.OWNED
    }


def prune(tx, closed_by: int = NOW, limit: int = 10) -> list[str]:
    return [each.run_id for each in retention.prune_expired(tx, "default", closed_by, limit)]


def test_every_column_that_names_a_run_belongs_to_a_table_that_goes_or_says_why_not(store):
    database = store.new_database()
    named = {
        (table, column.name)
        for table in database.get_tables()
        for column in database.get_columns(table)
        if column.name.endswith("run_id")
    }
    database.close()
    owned = {(model._meta.table_name, "run_id") for model in retention.OWNED}

    assert named == owned | set(ELSEWHERE)


def test_rows_of_a_run_are_found_by_an_index(store):
    database = store.new_database()
    lost = set()
    for model in retention.OWNED:
        table = model._meta.table_name
        keys = [list(index.columns[:2]) for index in database.get_indexes(table)]
        keys.append(list(model._meta.primary_key.field_names[:2]))
        if not any({"shard", "run_id"} == set(key) or key[0] == "run_id" for key in keys):
            lost.add(table)
    database.close()

    assert lost == SHORT_LIVED


def test_every_row_of_the_run_goes_and_no_other(tx):
    gone, kept = put_run(tx, NOW), put_run(tx, NOW + 1)
    before = rows_of(tx, kept)

    [pruned] = retention.prune_expired(tx, "default", NOW, 10)

    assert pruned.run_id == gone.run_id
    # What is kept outside is released instead, for the pass over garbage.
    assert pruned.deleted == {
        table: 5 if table == "tasks" else 1 for table in before if table != "payload_holders"
    }
    assert pruned.external_payloads == 1
    assert set(rows_of(tx, gone).values()) == {0}
    assert rows_of(tx, kept) == before and min(before.values()) == 1
    [row] = Run.select().where(Run.run_id == gone.run_id).execute(tx.database)
    assert (row.pruned_at, row.workflow_id) == (tx.now, gone.workflow_id)


def test_what_closed_first_goes_first_in_batches(tx):
    runs = [put_run(tx, NOW - age) for age in (3, 1, 2)]

    assert prune(tx, limit=2) == [runs[0].run_id, runs[2].run_id]
    assert prune(tx, limit=2) == [runs[1].run_id]
    assert prune(tx) == []


def test_a_batch_has_a_bounded_number_of_events_and_at_least_one_run(tx):
    many = retention.EVENTS_MAX + 1
    runs = [put_run(tx, NOW - 9 + i, last_sequence=many) for i in range(2)]

    assert [prune(tx) for _ in range(3)] == [[runs[0].run_id], [runs[1].run_id], []]


@pytest.mark.parametrize(
    "changes", [{"closed_at": None}, {"archived_at": NOW}, {"pruned_at": NOW}, {"namespace": "b"}]
)
def test_what_is_open_archived_removed_or_of_another_namespace_stays(tx, changes):
    run = put_run(tx, NOW, **changes)

    assert prune(tx) == []
    assert min(rows_of(tx, run).values()) == 1


def test_a_run_that_owes_a_message_stays_until_it_is_delivered(tx):
    run = put_run(tx, NOW)
    row = {**a_row(Message, run), "message_id": new_id(0), "sender_run_id": run.run_id}
    Message.insert(row).execute(tx.database)

    assert prune(tx) == []
    assert retention.prune_named(tx, "default", [(run.shard, run.run_id)]) == (
        [],
        {run.run_id: "messages_undelivered"},
    )
    settle(tx, run)
    assert prune(tx) == [run.run_id]


def test_named_runs_go_whatever_their_age_and_others_say_why_not(tx):
    young = put_run(tx, NOW + DAY)
    kept = {
        "run_not_terminal": put_run(tx, None),
        "run_archived": put_run(tx, NOW, archived_at=NOW),
        "run_not_found": put_run(tx, NOW, namespace="other"),
        "run_already_pruned": put_run(tx, NOW, pruned_at=NOW),
    }
    keys = [(run.shard, run.run_id) for run in (young, *kept.values())]

    pruned, reasons = retention.prune_named(tx, "default", keys)

    assert [each.run_id for each in pruned] == [young.run_id]
    assert reasons == {run.run_id: reason for reason, run in kept.items()}


def test_the_next_moment_is_that_of_the_first_run_that_is_not_due_yet(tx):
    assert retention.next_due(tx) is None
    put_run(tx, tx.now - 31 * DAY)
    assert retention.next_due(tx) is None
    assert retention.namespaces_with_expired(tx) == [("default", tx.now - 30 * DAY)]
    put_run(tx, tx.now - 5)
    put_run(tx, tx.now - 7)

    assert retention.next_due(tx) == tx.now - 7 + 30 * DAY
    assert retention.count_expired(tx, 10) == 1


def test_runs_that_another_server_holds_are_left_out(tmp_path):
    with own_store("postgresql", tmp_path) as store:
        judge_two_servers(store.connect(), store.connect())


def judge_two_servers(first, second) -> None:
    with first.transaction() as tx:
        runs = [put_run(tx, NOW - age) for age in (2, 1)]
    with first.transaction() as tx:
        assert prune(tx, limit=1) == [runs[0].run_id]
        with second.transaction() as other:
            assert prune(other) == [runs[1].run_id]
            named = retention.prune_named(other, "default", [(runs[0].shard, runs[0].run_id)])
            assert named == ([], {runs[0].run_id: "run_busy"})
    first.close()
    second.close()
