"""Updates and what types declare of them, on both databases."""

from typing import Any

import pytest
from durable_server.engine import update, update_validation
from durable_server.engine.decision import Decision, Moment
from durable_server.engine.limits import Limits
from durable_server.engine.run_state import RunState
from durable_server.engine.start import start
from durable_server.ids import shard_of
from durable_server.store import command_contracts, updates
from durable_server.store.database import Store
from durable_server.store.errors import StoreConflict

from tests.engine.builders import wanted
from tests.engine.test_updates import wish
from tests.store.rows import NOW

DECLARED = {"updates": ["paint"], "update_validators": ["paint"]}


def moment(prefix: str) -> Moment:
    numbers = iter(range(99))
    return Moment(NOW, lambda shard: f"{prefix}-{next(numbers)}", Limits())


def stored(store: Store) -> Decision:
    """A started run."""
    shard = shard_of("default", "order-42")
    decision = start(wanted(shard=shard), moment("start"))
    write(store, decision)
    return decision


def write(store: Store, *decisions: Decision) -> None:
    with store.connect().transaction() as tx:
        tx.write(list(decisions))


def asked(state: RunState, name: str, *, validated: bool = False, **more: Any) -> Decision:
    return update.accept(state, moment(name), wish(**more)._replace(validated=validated))


def test_an_update_is_found_as_it_was_written(store: Store) -> None:
    started = stored(store)
    decision = asked(started.state, "u", request_id="request-1")
    row = decision.answer.update
    write(store, decision)

    with store.connect().transaction(write=False) as tx:
        assert updates.find_update(tx, row.shard, row.update_id) == row
        assert updates.find_update(tx, row.shard, "absent") is None
        by_request = (row.shard, row.namespace, row.workflow_id, "request-1")
        assert tx.fetch("updates_by_request", [by_request]) == [row]
        assert tx.fetch("open_updates_of_runs", [(row.shard, row.run_id)]) == [row]


def test_a_request_id_is_taken_once_until_it_is_given_up(store: Store) -> None:
    started = stored(store)
    first = asked(started.state, "a", request_id="request-1", validated=True)
    second = asked(started.state, "b", request_id="request-1")
    write(store, first)
    with pytest.raises(StoreConflict):
        write(store, second)

    given_up = update_validation.withdraw(first.state, moment("w"), first.answer.update.update_id)
    assert given_up is not None
    write(store, given_up)
    write(store, second)

    row = second.answer.update
    with store.connect().transaction(write=False) as tx:
        key = (row.shard, row.namespace, row.workflow_id, "request-1")
        assert [found.update_id for found in tx.fetch("updates_by_request", [key])] == [
            row.update_id
        ]
        open_now = tx.fetch("open_updates_of_runs", [(row.shard, row.run_id)])
        assert [found.update_id for found in open_now] == [row.update_id]


def test_a_judgement_comes_with_its_update_its_run_and_the_whole_history(store: Store) -> None:
    started = stored(store)
    decision = asked(started.state, "u", validated=True)
    write(store, decision)
    [task] = [each for each in decision.tasks.values() if each.kind == update.JUDGED]

    with store.connect().transaction(write=False) as tx:
        found = updates.find_judgement(tx, task)
        lost = updates.find_judgement(tx, task._replace(task_id="absent"))

    assert found is not None
    assert (found.update.update_id, found.run.run_id) == (task.task_id, "run-1")
    assert [event.event_type for event in found.events] == ["StartAccepted", "WorkflowStarted"]
    assert found.details.input.blob == '["order-42"]'
    assert lost is None


def test_the_newest_word_of_a_worker_about_a_type_counts(store: Store) -> None:
    def declare(types: list[str], contracts: dict[str, Any]) -> None:
        with store.connect().transaction() as tx:
            command_contracts.declare(tx, "default", types, contracts, NOW)

    def declared(namespace: str, name: str) -> Any:
        with store.connect().transaction(write=False) as tx:
            return command_contracts.find_contract(tx, namespace, name)

    declare(["order", "sale"], {"order": DECLARED, "sale": DECLARED})
    declare(["order"], {"order": {"updates": []}})
    declare(["sale"], {})

    assert declared("default", "order") == {"updates": []}
    assert declared("default", "sale") is None
    assert declared("other", "order") is None
