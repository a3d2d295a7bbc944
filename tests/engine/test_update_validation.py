"""An update that a worker must judge is accepted once approved, and leaves no trace till then."""

from typing import Any

import orjson
import pytest
from durable_server.engine import cancel, timeouts, update, update_validation, workflow_task
from durable_server.engine.client_request import ClientRequest
from durable_server.engine.run_state import Task, Update
from durable_server.engine.tasks import Holder
from durable_server.engine.update import Receipt
from durable_server.engine.update_validation import Verdict
from durable_server.refusal import Refusal

from tests.engine.builders import WORKER, Story
from tests.engine.test_updates import ask, waiting, wish

REFUSAL = {"reason": "update_validator_rejected", "message": "no such colour", "errors": {}}
FAILURE = {"reason": "update_validation_worker_failed", "message": "cannot replay", "errors": {}}


def ask_judged(story: Story, *, has_judge: bool = True, **wanted: Any) -> str:
    """Ask for an update that needs a judge; the id of the update, and of the task."""
    asked = wish(**wanted)._replace(validated=True, has_judge=has_judge)
    receipt: Receipt = story.apply(update.accept, asked).answer
    return receipt.update.update_id


def take(story: Story, update_id: str, holder: Holder = WORKER) -> None:
    story.apply(update_validation.lease, task(story, update_id), holder)


def verdict(update_id: str, failure: dict[str, Any] | None = None, **changes: Any) -> Verdict:
    return Verdict(update_id, "worker-1", 1, failure, str(failure))._replace(**changes)


def task(story: Story, update_id: str) -> Task:
    return story.state.tasks[update_id]


def row(story: Story, update_id: str) -> Update:
    return story.state.updates[update_id]


def judged(story: Story, failure: dict[str, Any] | None = None, **wanted: Any) -> str:
    update_id = ask_judged(story, **wanted)
    take(story, update_id)
    story.apply(update_validation.judge, verdict(update_id, failure))
    return update_id


def test_until_it_is_judged_an_update_leaves_no_trace_in_the_history() -> None:
    story = waiting()
    before = list(story.types)

    update_id = ask_judged(story)

    assert story.types == before
    assert (row(story, update_id).status, story.state.run.open_updates) == ("validating", 1)
    judgement = task(story, update_id)
    assert (judgement.kind, judgement.status) == ("update_validation", "ready")
    assert (judgement.type_name, judgement.task_queue) == ("orders.process", "orders")
    assert story.state.run.task_id is None


def test_an_approved_update_is_accepted_like_any_other() -> None:
    story = waiting()

    update_id = judged(story)

    assert story.types[-1] == "UpdateAccepted"
    assert (row(story, update_id).status, story.state.run.open_updates) == ("accepted", 1)
    resume = orjson.loads(story.state.tasks[story.task_id()].resume or "{}")
    assert resume["workflow_update_id"] == update_id
    story.lease()
    story.complete({"type": "complete_update", "update_id": update_id})
    assert story.state.run.open_updates == 0


def test_an_update_counts_from_its_approval_on() -> None:
    story = waiting()
    update_id = ask_judged(story)
    other = ask(story, "sell")
    take(story, update_id)

    story.apply(update_validation.judge, verdict(update_id))

    approved = row(story, update_id)
    assert approved.command_sequence > other.update.command_sequence
    assert orjson.loads(approved.command or "")["sequence"] == approved.command_sequence


def test_an_update_approved_while_a_task_is_leased_waits_for_its_end() -> None:
    story = Story()
    story.lease()

    update_id = judged(story)

    assert "UpdateAccepted" not in story.types
    assert story.state.run.held_messages == 1
    story.complete({"type": "record_side_effect", "result": "AAIxAg=="})
    assert story.types[-2:] == ["SideEffectRecorded", "UpdateAccepted"]
    assert row(story, update_id).recorded


def test_a_refused_update_is_over_and_its_request_is_answered_alike() -> None:
    story = waiting()
    before = list(story.types)

    update_id = judged(story, REFUSAL, request_id="request-1")
    again: Receipt = story.apply(update.accept, wish(request_id="request-1")).answer

    assert story.types == before
    assert (row(story, update_id).status, story.state.run.open_updates) == ("rejected", 0)
    assert (again.retained, again.update.update_id) == (True, update_id)


def test_what_could_not_be_judged_may_be_asked_again() -> None:
    story = waiting()

    update_id = judged(story, FAILURE, request_id="request-1")
    second = ask_judged(story, request_id="request-1")

    assert (row(story, update_id).status, row(story, update_id).request_id) == ("unjudged", None)
    assert second != update_id
    assert (row(story, second).status, story.state.run.open_updates) == ("validating", 1)


@pytest.mark.parametrize(
    ("taken", "reason"),
    [
        (False, "update_validation_task_not_claimed"),
        (True, "update_validation_execution_timeout"),
    ],
)
def test_nobody_judges_an_update_that_is_not_waited_for(taken: bool, reason: str) -> None:
    story = waiting()
    update_id = ask_judged(story)
    if taken:
        take(story, update_id)

    left: Update = story.apply(update_validation.withdraw, update_id).answer

    assert orjson.loads(left.failure or "")["reason"] == reason
    assert (left.status, story.state.run.open_updates) == ("unjudged", 0)
    with pytest.raises(Refusal, match="update_validation_task_not_leased"):
        attempt = task(story, update_id).attempt
        update_validation.judge(
            story.state, story.moment, verdict(update_id, None, attempt=attempt)
        )


def test_an_update_that_was_approved_in_time_is_not_withdrawn() -> None:
    story = waiting()
    update_id = judged(story)

    left: Update = story.apply(update_validation.withdraw, update_id).answer

    assert left.status == row(story, update_id).status == "accepted"


def test_without_a_worker_that_judges_the_update_is_refused() -> None:
    story = waiting()

    with pytest.raises(Refusal, match="update_validator_worker_unavailable"):
        ask_judged(story, has_judge=False)

    assert story.state.run.open_updates == 0


def test_a_request_sent_again_is_answered_for_while_no_worker_judges() -> None:
    story = waiting()
    update_id = judged(story, request_id="request-1")

    assert ask_judged(story, has_judge=False, request_id="request-1") == update_id


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lease_owner": "worker-2"}, "lease_owner_mismatch.update_validation"),
        ({"attempt": 2}, "stale_update_validation_completion"),
        ({"task_id": "id-unknown"}, "update_validation_task_not_found"),
    ],
)
def test_a_judgement_counts_from_whoever_holds_the_task(
    changes: dict[str, Any], reason: str
) -> None:
    story = waiting()
    update_id = ask_judged(story)
    take(story, update_id)

    with pytest.raises(Refusal) as caught:
        update_validation.judge(story.state, story.moment, verdict(update_id)._replace(**changes))

    assert caught.value.reason == reason


def test_a_judgement_counts_once() -> None:
    story = waiting()
    update_id = judged(story)

    repeated = story.apply(update_validation.judge, verdict(update_id)).answer
    with pytest.raises(Refusal, match="duplicate_update_validation_completion"):
        update_validation.judge(story.state, story.moment, verdict(update_id, REFUSAL))

    assert repeated["outcome"] == "approved"
    assert story.types.count("UpdateAccepted") == 1


def test_a_judgement_whose_lease_has_run_out_is_offered_again() -> None:
    story = waiting()
    update_id = ask_judged(story)
    take(story, update_id)
    story.advance(update_validation.LEASE_SECONDS)

    with pytest.raises(Refusal, match="update_validation_lease_expired"):
        update_validation.judge(story.state, story.moment, verdict(update_id))
    story.apply(timeouts.expire_lease, update_id)

    assert task(story, update_id).status == "ready"
    take(story, update_id)
    story.apply(timeouts.return_task, update_id, "worker-1", 2)
    assert (task(story, update_id).status, task(story, update_id).attempt) == ("ready", 2)


def test_no_judgement_outlives_its_run() -> None:
    story = waiting()
    update_id = ask_judged(story, request_id="request-1")
    take(story, update_id)

    story.apply(cancel.stop, ClientRequest("cancel", "order-42", None, None, {}))

    assert story.types[-1] == "WorkflowCancelled"
    assert (row(story, update_id).status, task(story, update_id).status) == (
        "unjudged",
        "cancelled",
    )
    with pytest.raises(Refusal, match="update_validation_task_not_leased"):
        update_validation.judge(story.state, story.moment, verdict(update_id))


def test_a_judgement_does_not_disturb_the_workflows_own_task() -> None:
    story = Story()
    task_id = story.lease()

    update_id = judged(story, REFUSAL)
    heartbeat = workflow_task.heartbeat(story.state, story.moment, task_id, "worker-1", 1)

    assert heartbeat.answer["renewed"]
    assert story.state.run.task_id == task_id != update_id
