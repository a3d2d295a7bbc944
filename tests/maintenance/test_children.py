"""Parents and children on real databases: messages lost, doubled and late; many at once."""

import pytest
from durable_server.engine.run_state import Message, Payload
from durable_server.ids import shard_in
from durable_server.maintenance.messages import deliver_messages
from durable_server.maintenance.passes import PassReport, answer_of
from durable_server.maintenance.run_timeouts import time_out_runs
from durable_server.server import Server
from durable_server.store import runs as stored_runs
from durable_server.store.messages import due_messages
from durable_server.store.models import Message as MessageRow

from tests.maintenance.running import (
    complete,
    event_types,
    park,
    poll,
    running,
    start,
    taken_by,
    until,
)
from tests.support.databases import KINDS

NOTHING = PassReport()
FAR_SECONDS = 60
MANY = 40
CHILD = {"type": "start_child_workflow", "workflow_type": "pack", "queue": "children"}
DONE = {"type": "complete_workflow", "result": "AA=="}
FAILED = {"type": "fail_workflow", "message": "no"}


@pytest.fixture(params=KINDS)
def server(request, tmp_path):
    with running(request.param, tmp_path) as server:
        yield server


def outbox(server: Server) -> list[Message]:
    """Every message that is not delivered yet."""
    return answer_of(server.read(due_messages, server.clock.now() + FAR_SECONDS * 10**6, 5000))


def lose(server: Server) -> None:
    """From now on this process dies, as it were, between a commit and its deliveries."""
    server.lanes.around.deliver = lambda messages: None


def put_off(tx, message: Message) -> None:
    mine = MessageRow.message_id == message.message_id
    MessageRow.update(due_at=message.due_at + 10**15).where(mine).execute(tx.database)


def start_parent(server: Server, *commands: dict) -> str:
    run_id = start(server)
    complete(server, poll(server), *commands)
    return run_id


def work(server: Server, *commands: dict) -> str:
    """Take a child's task and complete it; gives the child's run id."""
    leased = poll(server, queue="children")
    complete(server, leased, *commands)
    return leased.run.run_id


def status(server: Server, run_id: str) -> str | None:
    """The status of a run, None before it has begun."""

    def find(tx):
        return next(
            (run.status for run in tx.fetch("runs_by_id", [(shard_in(run_id), run_id)])), None
        )

    return answer_of(server.read(find))


def test_a_child_runs_and_wakes_its_parent(server):
    run_id = start_parent(server, CHILD)
    work(server, DONE)
    leased = poll(server)

    assert leased.run.run_id == run_id
    assert [event.event_type for event in leased.events][2:] == [
        "ChildWorkflowScheduled",
        "ChildRunStarted",
        "ChildRunCompleted",
    ]
    until(lambda: not outbox(server))
    assert deliver_messages(server, server.clock.now(), 10) == NOTHING


def test_what_was_not_delivered_after_its_commit_a_pass_delivers(server):
    deliver = server.lanes.around.deliver
    lose(server)
    run_id = start_parent(server, CHILD)
    assert [message.kind for message in outbox(server)] == ["start_child"]
    assert deliver_messages(server, server.clock.now(), 10) == NOTHING
    server.clock.advance(FAR_SECONDS)
    assert deliver_messages(server, server.clock.now(), 10) == PassReport(1, 1, 0, False)
    work(server, DONE)
    assert "ChildRunCompleted" not in event_types(server, run_id)
    server.clock.advance(FAR_SECONDS)
    until(lambda: [message.kind for message in outbox(server)] == ["child_closed"])
    assert deliver_messages(server, server.clock.now(), 10) == PassReport(1, 1, 0, False)
    server.lanes.around.deliver = deliver

    assert event_types(server, run_id)[-1] == "ChildRunCompleted"
    until(lambda: not outbox(server))


def test_what_is_delivered_twice_or_once_more_much_later_happens_once(server):
    lose(server)
    run_id = start_parent(server, {**CHILD, "retry_policy": {"max_attempts": 2}})
    [begin] = outbox(server)
    server.lanes.deliver([begin, begin])
    first = work(server, FAILED)
    [again] = outbox(server)
    server.lanes.deliver([again, again])
    second = work(server, DONE)
    [ended] = outbox(server)
    server.lanes.deliver([ended, again, begin, ended])
    until(lambda: event_types(server, run_id)[-1] == "ChildRunCompleted")
    until(lambda: not outbox(server))
    server.lanes.deliver([begin, again, ended])
    complete(server, poll(server), DONE)
    server.lanes.deliver([begin, again, ended])

    assert first != second
    assert event_types(server, run_id)[2:] == [
        "ChildWorkflowScheduled",
        "ChildRunStarted",
        "ChildRunStarted",
        "ChildRunCompleted",
        "WorkflowCompleted",
    ]
    rows = answer_of(server.read(stored_runs.list_runs, stored_runs.RunFilter("default"), None, 9))
    assert len(rows) == 3


def test_the_end_of_a_parent_waits_for_a_child_that_has_not_begun(server):
    deliver = server.lanes.around.deliver
    lose(server)
    run_id = start(server, run_timeout_seconds=1)
    complete(server, poll(server), {**CHILD, "parent_close_policy": "terminate"})
    [begin] = outbox(server)
    # Far off, so that the end comes first.
    answer_of(server.lanes.write(lambda tx: put_off(tx, begin)))
    server.clock.advance(2)
    assert time_out_runs(server, server.clock.now(), 10).carried_out == 1
    server.clock.advance(FAR_SECONDS)
    # What cannot be taken yet stays, and is brought again.
    assert deliver_messages(server, server.clock.now(), 10) == PassReport(1, 0, 1, False)
    server.lanes.around.deliver = deliver
    server.lanes.deliver([begin])
    until(lambda: status(server, begin.to_run_id) == "pending")
    server.clock.advance(FAR_SECONDS)
    assert deliver_messages(server, server.clock.now(), 10).carried_out == 1

    assert status(server, begin.to_run_id) == "terminated"
    until(lambda: not outbox(server))
    assert event_types(server, run_id)[-1] == "ParentClosePolicyApplied"


def test_the_end_of_a_parent_does_not_wait_for_a_child_that_is_gone(server):
    lose(server)
    start(server, run_timeout_seconds=1)
    complete(server, poll(server), {**CHILD, "parent_close_policy": "terminate"})
    [begin] = outbox(server)
    # The child had begun, and was removed with all that was its own.
    server.lanes.forget(begin)
    server.clock.advance(2)
    assert time_out_runs(server, server.clock.now(), 10).carried_out == 1
    server.clock.advance(FAR_SECONDS)
    deliver_messages(server, server.clock.now(), 10)

    until(lambda: not outbox(server))


def test_a_tried_child_waits_for_its_backoff(server):
    policy = {"retry_policy": {"max_attempts": 2, "backoff_seconds": [30]}}
    start_parent(server, {**CHILD, **policy})
    first = work(server, FAILED)
    until(lambda: not outbox(server))
    server.clock.advance(31)

    leased = poll(server, queue="children")
    assert leased.run.run_id != first
    assert (leased.run.run_number, leased.run.workflow_id != leased.run.run_id) == (2, True)


def test_a_chain_of_runs_holds_its_workflow_id_one_after_the_other(server):
    run_id = start(server, workflow_id="chain", execution_timeout_seconds=900)
    seen = [run_id]
    for number in range(5):
        leased = poll(server)
        assert (leased.run.run_id, leased.run.run_number) == (seen[-1], number + 1)
        complete(server, leased, {"type": "continue_as_new"})
        current = answer_of(server.read(stored_runs.find_current_run, "default", "chain"))
        assert current is not None
        seen.append(current[1].run_id)
    complete(server, poll(server), DONE)

    runs = answer_of(server.read(stored_runs.list_runs_of_workflow, "default", "chain"))
    assert [run.run_id for run in runs] == seen
    assert {run.closed_reason for run in runs[:-1]} == {"continued"}
    assert len({run.execution_deadline_at for run in runs}) == 1


def test_a_parked_poll_is_handed_the_next_run_of_a_chain_with_its_input(server):
    start(server, input=Payload("avro", "AA=="))
    leased = poll(server)
    waiting = park(server)
    again = {"type": "continue_as_new", "arguments": {"codec": "avro", "blob": "BB=="}}
    complete(server, leased, again)

    taken = taken_by(waiting)
    assert (taken.run.run_number, taken.input) == (2, ("avro", "BB=="))
    assert [event.event_type for event in taken.events] == ["WorkflowStarted"]
    assert (taken.task.attempt, taken.task.status) == (1, "leased")


def fan_out(server: Server, count: int) -> list[str]:
    """A parent of this many children, all of which complete; the types of the parent's events."""
    run_id = start_parent(server, *[CHILD] * count)
    for _ in range(count):
        work(server, DONE)
    leased = poll(server)
    assert leased.run.run_id == run_id
    complete(server, leased, DONE)
    events = answer_of(server.read(_history, run_id, 3 * count + 10))
    return [event.event_type for event in events]


def _history(tx, run_id, limit):
    return tx.fetch("events_of_runs", [(shard_in(run_id), run_id, 0, limit)])


def expected(count: int) -> list[str]:
    return [
        "StartAccepted",
        "WorkflowStarted",
        *["ChildWorkflowScheduled", "ChildRunStarted"] * count,
        *["ChildRunCompleted"] * count,
        "WorkflowCompleted",
    ]


def test_a_run_with_many_children_completes(server):
    assert fan_out(server, MANY) == expected(MANY)


@pytest.mark.long
def test_a_run_with_a_thousand_children_completes(server):
    assert fan_out(server, 1000) == expected(1000)
